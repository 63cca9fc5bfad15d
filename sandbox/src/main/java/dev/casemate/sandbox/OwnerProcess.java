package dev.casemate.sandbox;

import dev.casemate.linux.Descriptors;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Spawn;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * How the process that owns a sandbox is started, seen from both sides. The starting process {@link
 * #claim}s the sandbox, writes its record, binds its socket and {@link Claim#start}s it; the new
 * process {@link #inherit}s lock and socket. So other processes never find an incomplete sandbox,
 * and a free lock means a dead sandbox.
 */
public final class OwnerProcess {
  private static final int LISTENER = 3;
  private static final int LOCK = 4;

  private OwnerProcess() {}

  /**
   * Takes a sandbox's lock, and creates its directory first.
   *
   * @param leftBehind whether the directory has a record: with the lock free, one of a process that
   *     was killed, whose traces are then removed
   * @return empty if a living process has the lock
   * @throws dev.casemate.linux.LinuxException if the directory cannot be made
   */
  public static Optional<Claim> claim(SandboxPaths paths, String id, BooleanSupplier leftBehind) {
    for (int attempt = 0; ; attempt++) {
      FileTree.makeDirectories(paths.sandbox(id), 0700);
      Fd lock = Fs.open(paths.lock(id), OpenFlag.READ_WRITE | OpenFlag.CREATE, 0600);
      if (!Fs.lock(lock, true, false)) {
        lock.close();
        return Optional.empty();
      }
      if (attempt > 0 || !leftBehind.getAsBoolean()) {
        return Optional.of(new Claim(lock));
      }
      // The lock goes with the directory.
      Leftovers.clean(paths, id);
      lock.close();
    }
  }

  /** A sandbox's lock, held by the process that starts the owner; the owner inherits it. */
  public static final class Claim implements AutoCloseable {
    private final Fd lock;

    private Claim(Fd lock) {
      this.lock = lock;
    }

    /**
     * Starts the process: in a session of its own, in {@code /}, without input, and with output and
     * errors in one file.
     *
     * @param program executable, arguments and environment
     * @param listener the sandbox's socket, which listens already
     * @param errorsPath is appended to
     * @return its pid
     */
    public int start(Spawn program, Fd listener, String errorsPath) {
      try (Fd nothing = Fs.open("/dev/null", OpenFlag.READ_WRITE);
          Fd errors =
              Fs.open(errorsPath, OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.APPEND, 0600)) {
        return program
            .stdio(nothing, errors, errors)
            .descriptor(listener, LISTENER)
            .descriptor(lock, LOCK)
            .workingDirectory("/")
            .newSession()
            .start();
      }
    }

    @Override
    public void close() {
      lock.close();
    }
  }

  /**
   * What the process finds at its start.
   *
   * @param listener the sandbox's socket
   * @param lock is held as long as the process lives
   */
  public record Inherited(Fd listener, Fd lock) {}

  /**
   * Takes what {@link Claim#start} has handed over, and closes all other descriptors but the
   * standard ones.
   *
   * @return empty if this process was started by something else
   */
  public static Optional<Inherited> inherit() {
    if (!Fd.isValid(LISTENER) || !Fd.isValid(LOCK)) {
      return Optional.empty();
    }
    Descriptors.closeFrom(LOCK + 1);
    // Given to children, the lock would outlive this process.
    Fd lock = Fd.of(LOCK);
    lock.closeOnExec(true);
    Fd listener = Fd.of(LISTENER);
    listener.closeOnExec(true);
    return Optional.of(new Inherited(listener, lock));
  }
}
