package dev.casemate.linux;

import java.util.concurrent.Callable;

/**
 * Network namespaces that live as long as a path is bound to them (ip-netns(8)'s way). What must
 * happen inside one happens on a thread of its own, which ends with it: no thread of the process is
 * ever left in a wrong namespace.
 */
public final class NetworkNamespace {
  private static final String CURRENT = "/proc/thread-self/ns/net";
  private static final long NSFS_MAGIC = 0x6e736673;

  private NetworkNamespace() {}

  /** Creates a namespace bound to a path, whose directory must exist; EEXIST if the path does. */
  public static void create(String path) {
    create(path, () -> path);
  }

  /** As {@link #create(String)}, and runs a task in the new namespace before anyone else can. */
  public static <T> T create(String path, Callable<T> task) {
    Fs.open(path, OpenFlag.READ_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE, 0).close();
    try {
      return OwnThread.call(
          "netns",
          () -> {
            Processes.unshare(Processes.CLONE_NEWNET);
            Mounts.mount(CURRENT, path, "", Mounts.BIND, "");
            return task.call();
          });
    } catch (RuntimeException e) {
      destroy(path);
      throw e;
    }
  }

  /** Whether a namespace is bound to a path. */
  public static boolean exists(String path) {
    return Fs.exists(path) && FileSystem.of(path).type() == NSFS_MAGIC;
  }

  /**
   * Unbinds a namespace and removes the path; nothing there is fine. The namespace ends, with its
   * interfaces, when no process and no descriptor is in it either.
   */
  public static void destroy(String path) {
    if (!Fs.exists(path)) {
      return;
    }
    while (exists(path)) {
      try {
        Mounts.unmount(path, Mounts.DETACH | Mounts.UMOUNT_NOFOLLOW);
      } catch (LinuxException e) {
        // Another process was faster.
        if (e.errno() != Errno.EINVAL && e.errno() != Errno.ENOENT) {
          throw e;
        }
      }
    }
    Fs.unlinkIfExists(path);
  }

  /** A descriptor of the namespace that is bound to a path. */
  public static Fd open(String path) {
    return Fs.open(path, OpenFlag.READ_ONLY);
  }

  /** A descriptor of the calling thread's namespace. */
  public static Fd current() {
    return Fs.open(CURRENT, OpenFlag.READ_ONLY);
  }

  /**
   * Runs a task on a new thread inside the namespace at a path ({@code /proc/<pid>/ns/net} too) and
   * waits for it. Sockets that the task opens stay in the namespace; child processes are born in
   * it. An unchecked exception of the task is thrown here.
   */
  public static <T> T run(String path, Callable<T> task) {
    try (Fd namespace = open(path)) {
      return run(namespace, task);
    }
  }

  /** As {@link #run(String, Callable)} with an open namespace. */
  public static <T> T run(Fd namespace, Callable<T> task) {
    return OwnThread.call(
        "netns",
        () -> {
          Processes.joinNamespace(namespace, Processes.CLONE_NEWNET);
          return task.call();
        });
  }
}
