package dev.casemate.agent;

import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Text;
import dev.casemate.protocol.agent.OOMEvent;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Tells the host which containers the kernel has killed a process of for lack of memory. A cgroup's
 * {@code memory.events} has an exceptional event whenever it changes.
 */
final class OomWatch {
  private static final int EVENTS_LIMIT = 256;
  private static final int FILE_LIMIT = 4096;

  private static final class Watched {
    private final Fd events;
    private long kills;

    private Watched(Fd events) {
      this.events = events;
    }
  }

  private final Loop loop;
  private final Map<String, Watched> watched = new HashMap<>();
  private final ArrayDeque<String> events = new ArrayDeque<>();
  private final ArrayDeque<Answer> waiters = new ArrayDeque<>();

  OomWatch(Loop loop) {
    this.loop = loop;
  }

  /** Watches a container's cgroup; one without the memory controller has nothing to tell. */
  void add(String containerId, String cgroupDirectory) {
    String path = cgroupDirectory + "/memory.events";
    if (cgroupDirectory.isEmpty() || !Fs.exists(path)) {
      return;
    }
    Watched entry = new Watched(Fs.open(path, OpenFlag.READ_ONLY));
    // The kernel compares with what was there at the last read.
    entry.kills = read(entry.events);
    watched.put(containerId, entry);
    loop.watch(entry.events, Loop.PRIORITY, ready -> changed(containerId, entry));
  }

  void remove(String containerId) {
    Watched entry = watched.remove(containerId);
    if (entry != null) {
      loop.forget(entry.events);
      entry.events.close();
    }
  }

  private void changed(String containerId, Watched entry) {
    long kills;
    try {
      kills = read(entry.events);
    } catch (LinuxException e) {
      // ENODEV: the cgroup has been removed.
      remove(containerId);
      return;
    }
    if (kills > entry.kills) {
      entry.kills = kills;
      if (events.size() < EVENTS_LIMIT) {
        events.add(containerId);
      }
      deliver();
    }
  }

  private static long read(Fd fd) {
    FileContent.seek(fd, 0, 0);
    byte[] bytes = FileContent.readBytes(fd, "memory.events", FILE_LIMIT);
    return kills(new String(bytes, StandardCharsets.US_ASCII));
  }

  /** The number of killed processes in the text of {@code memory.events}. */
  static long kills(String text) {
    for (String line : Text.split(text, '\n')) {
      List<String> words = Text.split(line, ' ');
      if (words.size() == 2 && words.get(0).equals("oom_kill")) {
        return Numbers.parse(words.get(1), 0);
      }
    }
    return 0;
  }

  /** Answers with the next event, now or later. */
  void await(Answer answer) {
    waiters.removeIf(waiter -> !waiter.isWanted());
    if (waiters.size() >= EVENTS_LIMIT) {
      throw Failures.precondition("too many callers wait for out-of-memory events");
    }
    waiters.add(answer);
    deliver();
  }

  private void deliver() {
    while (!events.isEmpty() && !waiters.isEmpty()) {
      Answer waiter = waiters.remove();
      if (waiter.isWanted()) {
        waiter.ok(OOMEvent.builder().containerId(events.remove()).build());
      }
    }
  }
}
