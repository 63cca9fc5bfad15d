package dev.casemate.qemu;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.SystemCall;

/** {@code vsock(7)}: streams between the host's kernel and a guest. */
final class Vsock {
  private static final int AF_VSOCK = 40;
  private static final int SOCK_STREAM = 1;

  private Vsock() {}

  /** Connects to a port of a guest: ECONNRESET or ETIMEDOUT while nobody listens there. */
  static Fd connect(long cid, int port) {
    Fd socket =
        Fd.of(
            (int)
                SystemCall.check(
                    SystemCall.raw(
                        SystemCall.SOCKET, AF_VSOCK, SOCK_STREAM | OpenFlag.CLOSE_ON_EXEC, 0),
                    "socket",
                    "vsock"));
    try (NativeBuffer address = NativeBuffer.allocate(16)) {
      address.putShort(0, AF_VSOCK).putInt(4, port).putInt(8, (int) cid);
      long r;
      do {
        r = SystemCall.raw(SystemCall.CONNECT, socket.number(), address.address(), 16);
      } while (r == -Errno.EINTR);
      SystemCall.check(r, "connect", "vsock " + cid + ":" + port);
      return socket;
    } catch (LinuxException e) {
      socket.close();
      throw e;
    }
  }
}
