package dev.casemate.linux;

import java.util.Optional;

/**
 * Stream sockets between a machine and its VMs (vsock(7), {@code include/uapi/linux/vm_sockets.h}).
 *
 * <p>On the host any process may connect to any VM. What tells a process with rights from others is
 * its own port: one of those up to {@link #LAST_RESERVED_PORT} is only for processes with
 * CAP_NET_BIND_SERVICE in the host's first user namespace.
 */
public final class VsockSocket {
  /** The host's CID, as its VMs see it. */
  public static final long HOST = 2;

  /** LAST_RESERVED_PORT of {@code net/vmw_vsock/af_vsock.c}. */
  public static final int LAST_RESERVED_PORT = 1023;

  private static final int AF_VSOCK = 40;
  private static final int SOCK_STREAM = 1;
  private static final int SOL_SOCKET = 1;
  private static final int SO_ERROR = 4;
  private static final int ADDRESS_SIZE = 16;
  private static final int ANY = -1;

  private VsockSocket() {}

  /**
   * An end of a connection.
   *
   * @param cid 0 to 2^32 − 1; 2 is the host
   * @param port 0 to 2^32 − 1
   */
  public record Peer(long cid, long port) {
    @Override
    public String toString() {
      return "vsock " + cid + ":" + port;
    }
  }

  /** A connection that has come in, non-blocking, and who made it. */
  public record Accepted(Fd socket, Peer peer) {}

  private static Fd open() {
    return Fd.of(
        (int)
            SystemCall.check(
                SystemCall.raw(
                    SystemCall.SOCKET,
                    AF_VSOCK,
                    SOCK_STREAM | OpenFlag.CLOSE_ON_EXEC | OpenFlag.NON_BLOCK,
                    0),
                "socket",
                "vsock"));
  }

  /** {@code struct sockaddr_vm}. */
  private static NativeBuffer address(int cid, int port) {
    return NativeBuffer.allocate(ADDRESS_SIZE)
        .putLong(0, 0)
        .putLong(8, 0)
        .putShort(0, AF_VSOCK)
        .putInt(4, port)
        .putInt(8, cid);
  }

  private static long bind(Fd socket, int port) {
    try (NativeBuffer address = address(ANY, port)) {
      return SystemCall.raw(SystemCall.BIND, socket.number(), address.address(), ADDRESS_SIZE);
    }
  }

  /**
   * Listens on a port of whatever CID this machine has; the listener does not block.
   *
   * @throws LinuxException EAFNOSUPPORT if the kernel has no vsock, EADDRINUSE if the port is taken
   */
  public static Fd listen(int port, int backlog) {
    Fd socket = open();
    try {
      SystemCall.check(bind(socket, port), "bind", "vsock port " + port);
      SystemCall.check(
          SystemCall.raw(SystemCall.LISTEN, socket.number(), backlog),
          "listen",
          "vsock port " + port);
      return socket;
    } catch (LinuxException e) {
      socket.close();
      throw e;
    }
  }

  /** A connection that has come in; empty if none waits. */
  public static Optional<Accepted> accept(Fd listener) {
    try (NativeBuffer name = address(0, 0);
        NativeBuffer length = NativeBuffer.allocate(4)) {
      while (true) {
        length.putInt(0, ADDRESS_SIZE);
        long fd =
            SystemCall.raw(
                SystemCall.ACCEPT4,
                listener.number(),
                name.address(),
                length.address(),
                OpenFlag.CLOSE_ON_EXEC | OpenFlag.NON_BLOCK);
        if (fd == -Errno.EAGAIN) {
          return Optional.empty();
        }
        if (fd != -Errno.EINTR && fd != -Errno.ECONNABORTED) {
          Fd socket = Fd.of((int) SystemCall.check(fd, "accept4", listener.toString()));
          return Optional.of(
              new Accepted(
                  socket, new Peer(name.getInt(8) & 0xffffffffL, name.getInt(4) & 0xffffffffL)));
        }
      }
    }
  }

  /**
   * Begins to connect, from a reserved port.
   *
   * @return a socket for {@link #finish}
   * @throws LinuxException EACCES without CAP_NET_BIND_SERVICE, EADDRINUSE if all reserved ports
   *     are taken; if the peer's kernel refuses at once, as {@link #finish}
   */
  public static Fd begin(Peer peer) {
    Fd socket = open();
    try {
      bindReserved(socket);
      long r;
      try (NativeBuffer address = address((int) peer.cid(), (int) peer.port())) {
        do {
          r = SystemCall.raw(SystemCall.CONNECT, socket.number(), address.address(), ADDRESS_SIZE);
        } while (r == -Errno.EINTR);
      }
      if (r != -Errno.EINPROGRESS) {
        SystemCall.check(r, "connect", peer.toString());
      }
      return socket;
    } catch (LinuxException e) {
      socket.close();
      throw e;
    }
  }

  private static void bindReserved(Fd socket) {
    long r = -Errno.EADDRINUSE;
    for (int port = LAST_RESERVED_PORT; r == -Errno.EADDRINUSE && port > 0; port--) {
      r = bind(socket, port);
    }
    SystemCall.check(r, "bind", "a reserved vsock port");
  }

  /**
   * Waits for the end of what {@link #begin} has begun; the socket blocks once it is connected.
   *
   * @return whether it is connected; false after the timeout
   * @throws LinuxException ECONNRESET if no process listens, ETIMEDOUT if the peer's kernel does
   *     not answer (after two seconds), ENODEV or EHOSTUNREACH if there is no such peer
   */
  public static boolean finish(Fd socket, int timeoutMillis) {
    if (Poll.await(socket, Poll.OUT, timeoutMillis) == 0) {
      return false;
    }
    SystemCall.check(-error(socket), "connect", socket.toString());
    socket.nonBlocking(false);
    return true;
  }

  private static int error(Fd socket) {
    try (NativeBuffer value = NativeBuffer.allocate(8)) {
      value.putInt(4, 4);
      SystemCall.check(
          SystemCall.raw(
              SystemCall.GETSOCKOPT,
              socket.number(),
              SOL_SOCKET,
              SO_ERROR,
              value.address(),
              value.address() + 4),
          "getsockopt",
          socket.toString());
      return value.getInt(0);
    }
  }
}
