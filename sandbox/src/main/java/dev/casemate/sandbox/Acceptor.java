package dev.casemate.sandbox;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.linux.UnixSocket;
import dev.casemate.rpc.TtrpcServer;
import java.util.concurrent.locks.LockSupport;

/** Accepts connections of this process's own user. */
public final class Acceptor {
  private static final long PAUSE_NANOS = 50_000_000;

  /** How long a client may take nothing of the answers that wait for it. */
  private static final int PATIENCE_MILLIS = 10_000;

  private Acceptor() {}

  /**
   * Hands connections to {@code server} until the listener is closed. Other failures, such as a
   * lack of descriptors or memory, are retried after a pause, because the process would be
   * unreachable if this loop ended.
   */
  public static void run(Fd listener, TtrpcServer server) {
    run(listener, server, PATIENCE_MILLIS);
  }

  static void run(Fd listener, TtrpcServer server, int patienceMillis) {
    while (listener.isOpen()) {
      try {
        serve(UnixSocket.accept(listener), server, patienceMillis);
      } catch (LinuxException e) {
        if (isForGood(e.errno())) {
          return;
        }
        LockSupport.parkNanos(PAUSE_NANOS);
      } catch (IllegalStateException e) {
        // It was closed just now.
        return;
      } catch (OutOfMemoryError e) {
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }
  }

  private static void serve(Fd connection, TtrpcServer server, int patienceMillis) {
    boolean taken = false;
    try {
      if (UnixSocket.peerUid(connection) == Processes.effectiveUid()) {
        server.start(FdChannel.impatient(connection, patienceMillis));
        taken = true;
      }
    } finally {
      if (!taken) {
        connection.close();
      }
    }
  }

  /** Whether accept(2) says that the descriptor is no listener, or none any more. */
  static boolean isForGood(int errno) {
    return errno == Errno.EBADF
        || errno == Errno.EINVAL
        || errno == Errno.ENOTSOCK
        || errno == Errno.EOPNOTSUPP;
  }
}
