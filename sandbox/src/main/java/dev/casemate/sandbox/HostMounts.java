package dev.casemate.sandbox;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.OwnThread;
import dev.casemate.linux.Processes;
import java.util.Optional;
import java.util.concurrent.Callable;

/**
 * The mount namespace that this process had before {@link Shares#isolate}: a process that outlives
 * the sandbox must not keep the sandbox's mounts.
 */
final class HostMounts {
  private static volatile Optional<Fd> namespace = Optional.empty();

  private HostMounts() {}

  /** Keeps the namespace; must be called before this process leaves it. */
  static void keep() {
    namespace = Optional.of(Fs.open("/proc/self/ns/mnt", OpenFlag.READ_ONLY));
  }

  /** Does something on a thread of its own in that namespace, and waits for it. */
  static <T> T with(Callable<T> body) throws Exception {
    Optional<Fd> host = namespace;
    if (host.isEmpty()) {
      return body.call();
    }
    return OwnThread.call(
        "host-mounts",
        () -> {
          // A thread that shares its directories with others cannot change its namespace.
          Processes.unshare(Processes.CLONE_FS);
          Processes.joinNamespace(host.get(), Processes.CLONE_NEWNS);
          return body.call();
        });
  }
}
