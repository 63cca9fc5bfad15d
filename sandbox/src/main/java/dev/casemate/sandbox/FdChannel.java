package dev.casemate.sandbox;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.UnixSocket;
import dev.casemate.rpc.Channel;

/** A connected stream socket as a ttrpc channel. */
public final class FdChannel implements Channel {
  private final Fd socket;
  private final int patienceMillis;
  private int users;
  private boolean closed;

  /** A channel whose writes block while the peer does not read. */
  public FdChannel(Fd socket) {
    this(socket, 0);
  }

  private FdChannel(Fd socket, int patienceMillis) {
    this.socket = socket;
    this.patienceMillis = patienceMillis;
  }

  /**
   * A channel whose writes fail with ETIMEDOUT when the peer has read nothing for this time.
   *
   * @param patienceMillis above 0
   */
  public static FdChannel impatient(Fd socket, int patienceMillis) {
    UnixSocket.writeTimeout(socket, patienceMillis);
    return new FdChannel(socket, patienceMillis);
  }

  @Override
  public int read(byte[] bytes, int offset, int length) {
    if (!enter()) {
      return Fd.END;
    }
    try {
      return socket.read(bytes, offset, length);
    } catch (LinuxException e) {
      // The second is what vsock says once the first has been told to another reader.
      if (e.errno() == Errno.ECONNRESET || e.errno() == Errno.ENOTCONN) {
        return Fd.END;
      }
      throw e;
    } finally {
      leave();
    }
  }

  @Override
  public void write(byte[] bytes, int offset, int length) {
    if (!enter()) {
      throw new LinuxException("write", "a closed connection", Errno.EPIPE);
    }
    try {
      if (patienceMillis == 0) {
        socket.writeAll(bytes, offset, length);
        return;
      }
      for (int done = 0; done < length; ) {
        int n = socket.write(bytes, offset + done, length - done);
        if (n == Fd.WOULD_BLOCK) {
          throw new LinuxException("write", socket.toString(), Errno.ETIMEDOUT);
        }
        done += n;
      }
    } finally {
      leave();
    }
  }

  private synchronized boolean enter() {
    if (closed) {
      return false;
    }
    users++;
    return true;
  }

  /** The last one out closes: the number might be another connection's at once. */
  private synchronized void leave() {
    users--;
    if (closed && users == 0) {
      socket.close();
    }
  }

  /** Ends the connection; threads that are blocked in reading or writing wake up. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      UnixSocket.shutdown(socket, 2);
    } finally {
      if (users == 0) {
        socket.close();
      }
    }
  }
}
