package dev.casemate.sandbox;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.UnixSocket;
import dev.casemate.rpc.Channel;

/** A connected stream socket as a ttrpc channel. */
public final class FdChannel implements Channel {
  private final Fd socket;

  public FdChannel(Fd socket) {
    this.socket = socket;
  }

  @Override
  public int read(byte[] bytes, int offset, int length) {
    try {
      return socket.read(bytes, offset, length);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ECONNRESET) {
        return Fd.END;
      }
      throw e;
    }
  }

  /** Fails where the socket has a time limit for writes and its peer does not read. */
  @Override
  public void write(byte[] bytes, int offset, int length) {
    int done = 0;
    while (done < length) {
      int n = socket.write(bytes, offset + done, length - done);
      if (n == Fd.WOULD_BLOCK) {
        throw new LinuxException("write", socket.toString(), Errno.ETIMEDOUT);
      }
      done += n;
    }
  }

  /** Ends the connection; a thread that is blocked in {@link #read} wakes up. */
  @Override
  public void close() {
    if (socket.isOpen()) {
      UnixSocket.shutdown(socket, 2);
      socket.close();
    }
  }
}
