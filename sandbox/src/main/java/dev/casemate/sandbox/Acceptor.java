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
  private Acceptor() {}

  /** Hands connections to {@code server} until the listener is closed. */
  public static void run(Fd listener, TtrpcServer server) {
    while (true) {
      Fd connection;
      try {
        connection = UnixSocket.accept(listener);
      } catch (LinuxException e) {
        if (e.errno() == Errno.EMFILE || e.errno() == Errno.ENFILE) {
          LockSupport.parkNanos(50_000_000);
          continue;
        }
        return;
      }
      if (UnixSocket.peerUid(connection) == Processes.effectiveUid()) {
        server.start(new FdChannel(connection));
      } else {
        connection.close();
      }
    }
  }
}
