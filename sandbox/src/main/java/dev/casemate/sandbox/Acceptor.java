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
  /** A client that reads nothing for so long, with answers before it, has lost its connection. */
  private static final int WRITE_MILLIS = 10_000;

  private static final int PAUSE_NANOS = 50_000_000;

  private Acceptor() {}

  /** Hands connections to {@code server} until the listener is closed. */
  public static void run(Fd listener, TtrpcServer server) {
    while (true) {
      Fd connection;
      try {
        connection = UnixSocket.accept(listener);
      } catch (LinuxException e) {
        if (!listener.isOpen() || e.errno() == Errno.EBADF || e.errno() == Errno.EINVAL) {
          return;
        }
        // Descriptors or memory are short: that passes, and nobody else would listen again.
        LockSupport.parkNanos(PAUSE_NANOS);
        continue;
      } catch (IllegalStateException e) {
        // Closed by another thread.
        return;
      }
      try {
        if (UnixSocket.peerUid(connection) == Processes.effectiveUid()) {
          UnixSocket.writeTimeout(connection, WRITE_MILLIS);
          server.start(new FdChannel(connection));
        } else {
          connection.close();
        }
      } catch (LinuxException e) {
        // The peer is gone.
        connection.close();
      }
    }
  }
}
