package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Errno;
import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Inotify;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Stat;
import dev.casemate.protocol.GuestContract;
import dev.casemate.protocol.casemate.GuestService;
import dev.casemate.protocol.casemate.SyncDirectoryRequest;
import dev.casemate.rpc.RpcException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Volumes that change under a running container and whose changes it wants to be told of by
 * inotify(7): secrets, config maps, projected volumes, the downward API. virtio-fs brings no
 * events, so the guest gets a copy, which is replaced in one step each time the host's changes.
 *
 * <p>The host watches, not the guest: the guest has nothing to poll, and nothing of it hangs when
 * the file-sharing daemon does.
 */
final class FollowedVolumes implements AutoCloseable {

  /** What counts is the swap of a symbolic link in the directory; files are written before it. */
  private static final int EVENTS =
      Inotify.MOVED_TO | Inotify.CREATE | Inotify.DELETE | Inotify.CLOSE_WRITE | Inotify.ATTRIB;

  private static final int SETTLE_MILLIS = 20;
  private static final int POLL_MILLIS = 2_000;

  private final AgentClient agent;
  private final Consumer<String> warnings;
  private final Map<String, Volume> byHostPath = new LinkedHashMap<>();
  private final Set<String> told = new HashSet<>();
  private final Fd wake = EventFd.open();
  private Optional<Inotify> inotify = Optional.empty();
  private Optional<Thread> thread = Optional.empty();
  private boolean polling;
  private boolean closed;
  private int count;

  private static final class Volume {
    private final String guestPath;
    private final MountIds ids;
    private int users = 1;
    private int watch = -1;
    private long stamp;

    private Volume(String guestPath, MountIds ids) {
      this.guestPath = guestPath;
      this.ids = ids;
    }
  }

  FollowedVolumes(AgentClient agent, Consumer<String> warnings) {
    this.agent = agent;
    this.warnings = warnings;
  }

  /**
   * Copies a directory into the guest and follows it from now on; several containers may have the
   * same.
   *
   * @param ids of the mount: those of the first container's stay, as a pod has one user namespace
   * @return where the copy is in the guest; empty if the directory is too big for one
   */
  synchronized Optional<String> add(String hostPath, MountIds ids) {
    Volume there = byHostPath.get(hostPath);
    if (there != null) {
      there.users++;
      return Optional.of(there.guestPath);
    }
    Volume volume = new Volume(GuestContract.VOLUMES + "/" + count++, ids);
    // Before the first look: what changes after it is seen.
    watch(hostPath, volume);
    volume.stamp = stamp(hostPath);
    Optional<SyncDirectoryRequest> content =
        DirectorySnapshot.read(hostPath, volume.guestPath, ids);
    if (content.isEmpty()) {
      unwatch(volume);
      return Optional.empty();
    }
    push(content.get());
    byHostPath.put(hostPath, volume);
    if (thread.isEmpty()) {
      thread = Optional.of(Threads.start("volumes", this::follow));
    } else {
      EventFd.signal(wake);
    }
    return Optional.of(volume.guestPath);
  }

  private void push(SyncDirectoryRequest content) {
    agent.call(
        GuestService.NAME, GuestService.SYNC_DIRECTORY, content, AgentClient.CALL_TIMEOUT_MILLIS);
  }

  private void watch(String hostPath, Volume volume) {
    try {
      if (inotify.isEmpty()) {
        inotify = Optional.of(Inotify.open());
      }
      volume.watch = inotify.get().add(hostPath, EVENTS);
    } catch (LinuxException e) {
      if (e.errno() != Errno.EMFILE && e.errno() != Errno.ENOSPC && e.errno() != Errno.ENFILE) {
        throw e;
      }
      // The user's inotify instances or watches are used up: look every two seconds.
      polling = true;
    }
  }

  private void unwatch(Volume volume) {
    if (volume.watch >= 0) {
      inotify.ifPresent(i -> i.remove(volume.watch));
    }
  }

  /** One container less has it. */
  synchronized void remove(String guestPath) {
    for (Map.Entry<String, Volume> entry : byHostPath.entrySet()) {
      Volume volume = entry.getValue();
      if (volume.guestPath.equals(guestPath) && --volume.users == 0) {
        byHostPath.remove(entry.getKey());
        unwatch(volume);
        if (!closed) {
          try {
            push(SyncDirectoryRequest.builder().path(guestPath).remove(true).build());
          } catch (RpcException e) {
            // It goes with the VM.
          }
        }
        return;
      }
    }
  }

  private void follow() {
    while (true) {
      int[] fds;
      int timeout;
      synchronized (this) {
        if (closed) {
          return;
        }
        fds = new int[] {wake.number(), inotify.map(i -> i.fd().number()).orElse(-1)};
        timeout = polling ? POLL_MILLIS : -1;
      }
      int[] ready = Poll.await(fds, new int[] {Poll.IN, Poll.IN}, timeout);
      if (ready[0] != 0) {
        EventFd.drain(wake);
      }
      if (ready[1] != 0) {
        // Updates come in several steps.
        pause();
      }
      update(ready[1] != 0);
    }
  }

  private static void pause() {
    try {
      Thread.sleep(SETTLE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized void update(boolean events) {
    Set<Integer> changed = new HashSet<>();
    boolean all = false;
    if (events && inotify.isPresent()) {
      List<Inotify.Event> some = inotify.get().read();
      while (!some.isEmpty()) {
        for (Inotify.Event event : some) {
          changed.add(event.watch());
          all |= (event.mask() & Inotify.OVERFLOW) != 0;
        }
        some = inotify.get().read();
      }
    }
    for (Map.Entry<String, Volume> entry : new HashMap<>(byHostPath).entrySet()) {
      Volume volume = entry.getValue();
      boolean look = all || changed.contains(volume.watch);
      if (volume.watch < 0) {
        long now = stamp(entry.getKey());
        look = now != volume.stamp;
        volume.stamp = now;
      }
      if (look && !closed) {
        update(entry.getKey(), volume);
      }
    }
  }

  private void update(String hostPath, Volume volume) {
    try {
      Optional<SyncDirectoryRequest> content =
          DirectorySnapshot.read(hostPath, volume.guestPath, volume.ids);
      if (content.isPresent()) {
        push(content.get());
      } else {
        warn(
            "volume "
                + hostPath
                + " has become too large for updates; the guest keeps the last version");
      }
    } catch (LinuxException | RpcException | CasemateException e) {
      if (!closed) {
        warn("volume " + hostPath + " cannot be updated: " + e.getMessage());
      }
    }
  }

  /** Something that differs after a change: of the directory, or of the link that is swapped. */
  private static long stamp(String hostPath) {
    long stamp = 0;
    for (String path : List.of(hostPath, hostPath + "/..data")) {
      try {
        Stat stat = Fs.lstat(path);
        stamp = stamp * 31 + stat.inode();
        stamp = stamp * 31 + stat.mtimeSeconds();
        stamp = stamp * 31 + stat.mtimeNanos();
      } catch (LinuxException e) {
        stamp = stamp * 31;
      }
    }
    return stamp;
  }

  private void warn(String message) {
    if (told.size() < 100 && told.add(message)) {
      warnings.accept(message);
    }
  }

  @Override
  public void close() {
    Optional<Thread> running;
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      running = thread;
      EventFd.signal(wake);
    }
    if (running.isPresent()) {
      try {
        running.get().join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    synchronized (this) {
      inotify.ifPresent(Inotify::close);
      wake.close();
    }
  }
}
