package dev.casemate.agent;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.InetSocket;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Signals;
import dev.casemate.linux.UnixSocket;
import java.util.List;

/** One TCP connection to a port of the guest's loopback interface, on standard streams. */
final class PortRelay {
  private static final int CONNECT_MILLIS = 10_000;
  private static final int SHUTDOWN_WRITE = 1;

  private PortRelay() {}

  /**
   * Carries both directions until both have ended, each for itself. Neither waits for the other: a
   * program may read nothing before what it writes is read.
   */
  static int run(int port) {
    Signals.ignore(Signals.PIPE);
    try (Fd socket = connect(port)) {
      for (Fd fd : List.of(Fd.STDIN, Fd.STDOUT, socket)) {
        fd.nonBlocking(true);
      }
      Transfer transfer = new Transfer();
      Direction in =
          new Direction(
              transfer, Fd.STDIN, socket, () -> UnixSocket.shutdown(socket, SHUTDOWN_WRITE));
      Direction out = new Direction(transfer, socket, Fd.STDOUT, Fd.STDOUT::close);
      while (in.open || out.open) {
        int[] ready =
            Poll.await(
                new int[] {in.number(), out.number()}, new int[] {in.events(), out.events()}, -1);
        if (ready[0] != 0) {
          in.move();
        }
        if (ready[1] != 0) {
          out.move();
        }
      }
      return 0;
    } catch (LinuxException e) {
      if (e.errno() != Errno.ECONNRESET && e.errno() != Errno.EPIPE) {
        throw e;
      }
      // One end has broken it off: so do we, whatever the other direction holds.
      return 1;
    }
  }

  /** As who says localhost: IPv4 first. */
  private static Fd connect(int port) {
    try {
      return InetSocket.connect(IpAddress.ofV4(0x7f000001), port, CONNECT_MILLIS);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ECONNREFUSED) {
        throw e;
      }
      try {
        return InetSocket.connect(IpAddress.parse("::1"), port, CONNECT_MILLIS);
      } catch (LinuxException other) {
        throw e;
      }
    }
  }

  /** What goes one way, a piece at a time. */
  private static final class Direction {
    private final Transfer transfer;
    private final Fd from;
    private final Fd to;
    private final Runnable end;
    private final byte[] piece = new byte[Transfer.LIMIT];
    private int start;
    private int length;
    private boolean open = true;

    Direction(Transfer transfer, Fd from, Fd to, Runnable end) {
      this.transfer = transfer;
      this.from = from;
      this.to = to;
      this.end = end;
    }

    private boolean isFull() {
      return start < length;
    }

    int number() {
      return open ? (isFull() ? to : from).number() : -1;
    }

    int events() {
      return isFull() ? Poll.OUT : Poll.IN;
    }

    void move() {
      if (!isFull()) {
        int n = transfer.read(from, piece, 0, piece.length);
        if (n == Fd.END) {
          open = false;
          end.run();
        }
        start = 0;
        length = Math.max(0, n);
      }
      if (isFull()) {
        start += Math.max(0, transfer.write(to, piece, start, length - start));
      }
    }
  }
}
