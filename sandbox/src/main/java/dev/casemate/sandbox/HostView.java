package dev.casemate.sandbox;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Stat;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;

/**
 * The host's files as an engine sees them. This process has a mount namespace of its own, in which
 * later mounts of the host arrive only if they propagate. An engine may keep some to itself
 * (CRI-O's storage does): what it names by a path is then to be looked for in its namespace.
 */
public final class HostView implements AutoCloseable {
  /** The view of this process. */
  public static final HostView OWN = new HostView(Optional.empty());

  private static final long STACK_BYTES = 256 << 10;

  private final Optional<Place> place;
  private Optional<ExecutorService> looker = Optional.empty();

  /** A mount namespace, and the root directory of a process in it. */
  private record Place(Fd namespace, Fd root) {}

  private HostView(Optional<Place> place) {
    this.place = place;
  }

  /**
   * The view that a process has now; it stays when the process has ended.
   *
   * @throws dev.casemate.linux.LinuxException if there is no such process
   */
  public static HostView ofProcess(int pid) {
    Fd namespace = Fs.open("/proc/" + pid + "/ns/mnt", OpenFlag.READ_ONLY);
    try {
      Fd root = Fs.open("/proc/" + pid + "/root", OpenFlag.PATH | OpenFlag.DIRECTORY);
      return new HostView(Optional.of(new Place(namespace, root)));
    } catch (RuntimeException e) {
      namespace.close();
      throw e;
    }
  }

  /**
   * Does something where paths are the view's. What it makes must be reached by descriptors
   * afterwards; nothing that it waits for may need this view, too.
   */
  <T> T look(Supplier<T> action) {
    return place.isEmpty() ? action.get() : await(looker(place.get()), action);
  }

  /** The view's thread: namespaces belong to threads, and a container has many files. */
  private synchronized ExecutorService looker(Place from) {
    if (looker.isEmpty()) {
      looker = Optional.of(thread(() -> enter(from)));
    }
    return looker.get();
  }

  /**
   * As {@link #look}, in a copy of the view's namespace: what is mounted there is seen by nobody
   * else, and gone afterwards, unless a descriptor holds it.
   */
  <T> T sketch(Supplier<T> action) {
    ExecutorService thread =
        thread(
            () -> {
              if (place.isPresent()) {
                enter(place.get());
              }
              Processes.unshare(Processes.CLONE_NEWNS);
              Mounts.mount("", "/", "", Mounts.REC | Mounts.PRIVATE, "");
            });
    try {
      return await(thread, action);
    } finally {
      thread.shutdown();
    }
  }

  /** A thread that has begun with something. */
  private static ExecutorService thread(Runnable begin) {
    ExecutorService thread =
        Executors.newSingleThreadExecutor(
            work -> {
              Thread made = new Thread(null, work, "view", STACK_BYTES);
              made.setDaemon(true);
              return made;
            });
    try {
      await(
          thread,
          () -> {
            begin.run();
            return true;
          });
      return thread;
    } catch (RuntimeException e) {
      thread.shutdown();
      throw e;
    }
  }

  private static <T> T await(ExecutorService thread, Supplier<T> action) {
    Future<T> outcome = thread.submit(action::get);
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return outcome.get();
        } catch (InterruptedException e) {
          interrupted = true;
        } catch (ExecutionException e) {
          switch (e.getCause()) {
            case RuntimeException known -> throw known;
            case Error known -> throw known;
            case null, default ->
                throw new IllegalStateException("the view's thread failed", e.getCause());
          }
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static void enter(Place place) {
    // setns(2) takes a thread into a mount namespace only if it shares its directories with none.
    Processes.unshare(Processes.CLONE_FS);
    Processes.joinNamespace(place.namespace(), Processes.CLONE_NEWNS);
    Processes.changeDirectory(place.root());
    Processes.changeRoot(".");
  }

  /** Whether something else lies at a path here than in the view. */
  boolean differs(String path) {
    return place.isPresent() && !look(() -> node(path)).equals(node(path));
  }

  /** What tells a node from others; empty if there is none. */
  private static String node(String path) {
    Optional<Stat> stat = Fs.statIfExists(path);
    return stat.map(s -> s.filesystemMajor() + ":" + s.filesystemMinor() + ":" + s.inode())
        .orElse("");
  }

  @Override
  public synchronized void close() {
    looker.ifPresent(ExecutorService::shutdown);
    if (place.isPresent()) {
      place.get().namespace().close();
      place.get().root().close();
    }
  }
}
