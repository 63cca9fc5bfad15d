package dev.casemate.linux;

import java.util.Optional;

/**
 * TCP and UDP sockets (ip(7), tcp(7), udp(7)) in the calling thread's network namespace. Written
 * without {@code java.net}, which a guest agent cannot afford.
 */
public final class InetSocket {
  private static final int SOCK_STREAM = 1;
  private static final int SOCK_DGRAM = 2;
  private static final int SOL_SOCKET = 1;
  private static final int SOL_IP = 0;
  private static final int SO_REUSEADDR = 2;
  private static final int SO_ERROR = 4;
  private static final int SO_KEEPALIVE = 9;
  private static final int SO_LINGER = 13;
  private static final int IPPROTO_TCP = 6;
  private static final int TCP_KEEPIDLE = 4;
  private static final int TCP_KEEPINTVL = 5;
  private static final int SO_ORIGINAL_DST = 80;
  private static final int ADDRESS_SIZE = 28;

  private InetSocket() {}

  /** An end of a connection, or where a datagram comes from. */
  public record Peer(IpAddress address, int port) {
    @Override
    public String toString() {
      return address.isV6() ? "[" + address + "]:" + port : address + ":" + port;
    }
  }

  /** A datagram with its sender. */
  public record Datagram(Peer peer, byte[] data) {}

  private static Fd open(IpAddress address, int type) {
    return Fd.of(
        (int)
            SystemCall.check(
                SystemCall.raw(
                    SystemCall.SOCKET, address.family(), type | OpenFlag.CLOSE_ON_EXEC, 0),
                "socket",
                address.toString()));
  }

  private static int size(IpAddress address) {
    return address.isV6() ? ADDRESS_SIZE : 16;
  }

  private static NativeBuffer name(Peer peer) {
    byte[] bytes = peer.address().bytes();
    return NativeBuffer.allocate(ADDRESS_SIZE)
        .putShort(0, peer.address().family())
        .putByte(2, peer.port() >> 8)
        .putByte(3, peer.port())
        .put(peer.address().isV6() ? 8 : 4, bytes, 0, bytes.length);
  }

  private static Peer peer(NativeBuffer name) {
    boolean v6 = name.getShort(0) == 10;
    byte[] bytes = new byte[v6 ? 16 : 4];
    name.get(v6 ? 8 : 4, bytes, 0, bytes.length);
    return new Peer(IpAddress.of(bytes), (name.getByte(2) & 0xff) << 8 | (name.getByte(3) & 0xff));
  }

  private static void bind(Fd socket, Peer peer) {
    try (NativeBuffer name = name(peer)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.BIND, socket.number(), name.address(), size(peer.address())),
          "bind",
          peer.toString());
    }
  }

  private static void option(Fd socket, int option, int... words) {
    set(socket, SOL_SOCKET, option, words);
  }

  private static void set(Fd socket, int level, int option, int... words) {
    try (NativeBuffer value = NativeBuffer.allocate(4 * words.length)) {
      for (int i = 0; i < words.length; i++) {
        value.putInt(4 * i, words[i]);
      }
      SystemCall.check(
          SystemCall.raw(
              SystemCall.SETSOCKOPT, socket.number(), level, option, value.address(), value.size()),
          "setsockopt",
          socket.toString());
    }
  }

  /**
   * Listens for TCP connections.
   *
   * @param port 0 lets the kernel choose, see {@link #local}
   * @throws LinuxException EADDRINUSE if the port is in use, EADDRNOTAVAIL if the address is not
   *     this machine's
   */
  public static Fd listen(IpAddress address, int port, int backlog) {
    Peer local = new Peer(address, port);
    Fd socket = open(address, SOCK_STREAM);
    try {
      // Connections in TIME_WAIT do not matter; another listener still does.
      option(socket, SO_REUSEADDR, 1);
      bind(socket, local);
      SystemCall.check(
          SystemCall.raw(SystemCall.LISTEN, socket.number(), backlog), "listen", local.toString());
      return socket;
    } catch (LinuxException e) {
      socket.close();
      throw e;
    }
  }

  /** A UDP socket with an address of its own; errors as those of {@link #listen}. */
  public static Fd bindDatagram(IpAddress address, int port) {
    Fd socket = open(address, SOCK_DGRAM);
    try {
      bind(socket, new Peer(address, port));
      return socket;
    } catch (LinuxException e) {
      socket.close();
      throw e;
    }
  }

  /** A UDP socket that sends to one peer, and receives from it only. */
  public static Fd connectDatagram(IpAddress address, int port) {
    Fd socket = open(address, SOCK_DGRAM);
    try {
      SystemCall.check(connect(socket, new Peer(address, port)), "connect", address.toString());
      return socket;
    } catch (LinuxException e) {
      socket.close();
      throw e;
    }
  }

  private static long connect(Fd socket, Peer peer) {
    try (NativeBuffer name = name(peer)) {
      long r;
      do {
        r =
            SystemCall.raw(
                SystemCall.CONNECT, socket.number(), name.address(), size(peer.address()));
      } while (r == -Errno.EINTR);
      return r;
    }
  }

  /**
   * A TCP connection; its reads and writes block.
   *
   * @throws LinuxException ECONNREFUSED if no process listens, ETIMEDOUT if there is no answer in
   *     time
   */
  public static Fd connect(IpAddress address, int port, int timeoutMillis) {
    Peer peer = new Peer(address, port);
    Fd socket = open(address, SOCK_STREAM);
    try {
      socket.nonBlocking(true);
      long r = connect(socket, peer);
      if (r == -Errno.EINPROGRESS) {
        if (Poll.await(socket, Poll.OUT, timeoutMillis) == 0) {
          throw new LinuxException("connect", peer.toString(), Errno.ETIMEDOUT);
        }
        r = -error(socket);
      }
      SystemCall.check(r, "connect", peer.toString());
      socket.nonBlocking(false);
      return socket;
    } catch (LinuxException e) {
      socket.close();
      throw e;
    }
  }

  private static int error(Fd socket) {
    try (NativeBuffer value = NativeBuffer.allocate(8)) {
      value.putInt(4, 4);
      get(socket, SOL_SOCKET, SO_ERROR, value.address(), value.address() + 4);
      return value.getInt(0);
    }
  }

  private static void get(Fd socket, int level, int option, long value, long length) {
    SystemCall.check(
        SystemCall.raw(SystemCall.GETSOCKOPT, socket.number(), level, option, value, length),
        "getsockopt",
        socket.toString());
  }

  /** A connection that has come in; empty if none waits and the listener does not block. */
  public static Optional<Fd> accept(Fd listener) {
    while (true) {
      long fd = SystemCall.raw(SystemCall.ACCEPT4, listener.number(), 0, 0, OpenFlag.CLOSE_ON_EXEC);
      if (fd == -Errno.EAGAIN) {
        return Optional.empty();
      }
      // The caller went away before it was looked at: accept(2) wants these tried again.
      if (fd != -Errno.EINTR && fd != -Errno.ECONNABORTED) {
        return Optional.of(Fd.of((int) SystemCall.check(fd, "accept4", listener.toString())));
      }
    }
  }

  /** The socket's own address and port. */
  public static Peer local(Fd socket) {
    try (NativeBuffer name = NativeBuffer.allocate(ADDRESS_SIZE);
        NativeBuffer length = NativeBuffer.allocate(4)) {
      length.putInt(0, ADDRESS_SIZE);
      SystemCall.check(
          SystemCall.raw(SystemCall.GETSOCKNAME, socket.number(), name.address(), length.address()),
          "getsockname",
          socket.toString());
      return peer(name);
    }
  }

  /**
   * Where an IPv4 connection was meant to go before a rule redirected it.
   *
   * @throws LinuxException ENOENT if none did
   */
  public static Peer originalDestination(Fd socket) {
    try (NativeBuffer name = NativeBuffer.allocate(ADDRESS_SIZE);
        NativeBuffer length = NativeBuffer.allocate(4)) {
      length.putInt(0, 16);
      get(socket, SOL_IP, SO_ORIGINAL_DST, name.address(), length.address());
      return peer(name);
    }
  }

  /**
   * Probes an idle peer after this number of seconds, and again at this interval. A peer that has
   * disappeared, or no longer knows the connection, causes {@link Poll#ERR} (tcp(7)).
   */
  public static void keepAlive(Fd socket, int seconds) {
    set(socket, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
    set(socket, IPPROTO_TCP, TCP_KEEPINTVL, seconds);
    option(socket, SO_KEEPALIVE, 1);
  }

  /** Makes {@link Fd#close} reset the connection: the peer is not to take it for a regular end. */
  public static void resetOnClose(Fd socket) {
    option(socket, SO_LINGER, 1, 0);
  }

  /** The next datagram; empty if none waits and the socket does not block. */
  public static Optional<Datagram> receive(Fd socket, int limit) {
    try (NativeBuffer data = NativeBuffer.allocate(limit);
        NativeBuffer name = NativeBuffer.allocate(ADDRESS_SIZE);
        NativeBuffer length = NativeBuffer.allocate(4)) {
      while (true) {
        length.putInt(0, ADDRESS_SIZE);
        long n =
            SystemCall.raw(
                SystemCall.RECVFROM,
                socket.number(),
                data.address(),
                limit,
                0,
                name.address(),
                length.address());
        if (n == -Errno.EAGAIN) {
          return Optional.empty();
        }
        if (n != -Errno.EINTR) {
          SystemCall.check(n, "recvfrom", socket.toString());
          return Optional.of(new Datagram(peer(name), data.bytes(0, (int) n)));
        }
      }
    }
  }

  /** Sends a datagram. One that cannot be sent is lost, as datagrams are. */
  public static void send(Fd socket, Datagram datagram) {
    try (NativeBuffer name = name(datagram.peer());
        NativeBuffer data = NativeBuffer.of(datagram.data())) {
      SystemCall.raw(
          SystemCall.SENDTO,
          socket.number(),
          data.address(),
          datagram.data().length,
          0,
          name.address(),
          size(datagram.peer().address()));
    }
  }
}
