package dev.casemate.qemu;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.VsockSocket;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Connects to an agent by vsock. A request waits in the host's kernel until the guest's driver is
 * there; the guest's kernel refuses it if the agent does not listen yet, and it is made again.
 */
final class AgentDial {
  /** How long it may take to notice that there is no VM any more. */
  private static final int SLICE_MILLIS = 50;

  private static final long FIRST_PAUSE_NANOS = 1_000_000;
  private static final long LONGEST_PAUSE_NANOS = 16_000_000;

  private AgentDial() {}

  /** How an attempt is made; {@link VsockSocket}. */
  interface Attempt {
    Fd begin();

    boolean finish(Fd socket, int timeoutMillis);
  }

  /** Attempts to reach an agent. */
  static Attempt to(VsockSocket.Peer agent) {
    return new Attempt() {
      @Override
      public Fd begin() {
        return VsockSocket.begin(agent);
      }

      @Override
      public boolean finish(Fd socket, int timeoutMillis) {
        return VsockSocket.finish(socket, timeoutMillis);
      }
    };
  }

  /**
   * Connects.
   *
   * @param ended whether there is no VM any more
   * @return empty if the agent does not listen in time, or the VM has ended
   * @throws LinuxException EACCES without CAP_NET_BIND_SERVICE, EADDRINUSE if more VMs have vsock
   *     than there are reserved ports
   */
  static Optional<Fd> dial(Attempt attempt, int timeoutMillis, BooleanSupplier ended) {
    long deadline = System.nanoTime() + timeoutMillis * 1_000_000L;
    long pause = FIRST_PAUSE_NANOS;
    while (!isOver(deadline, ended)) {
      try {
        Fd socket = attempt.begin();
        return isConnected(attempt, socket, deadline, ended)
            ? Optional.of(socket)
            : Optional.empty();
      } catch (LinuxException e) {
        if (!isEarly(e.errno())) {
          throw e;
        }
      }
      LockSupport.parkNanos(pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS);
    }
    return Optional.empty();
  }

  private static boolean isConnected(
      Attempt attempt, Fd socket, long deadline, BooleanSupplier ended) {
    boolean connected = false;
    try {
      while (!connected && !isOver(deadline, ended)) {
        connected = attempt.finish(socket, SLICE_MILLIS);
      }
      return connected;
    } finally {
      if (!connected) {
        socket.close();
      }
    }
  }

  private static boolean isOver(long deadline, BooleanSupplier ended) {
    return System.nanoTime() - deadline >= 0 || ended.getAsBoolean();
  }

  /** Whether it is the answer of a guest, or of the host's kernel for it, that is not ready. */
  private static boolean isEarly(int errno) {
    return switch (errno) {
      case Errno.ECONNRESET,
          Errno.ECONNREFUSED,
          Errno.ETIMEDOUT,
          Errno.ENODEV,
          Errno.EHOSTUNREACH,
          Errno.ENETUNREACH ->
          true;
      default -> false;
    };
  }
}
