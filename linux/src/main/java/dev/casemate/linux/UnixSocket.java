package dev.casemate.linux;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** Stream sockets of the unix family, with descriptors as cargo. */
public final class UnixSocket {
  private static final int AF_UNIX = 1;
  private static final int SOCK_STREAM = 1;
  private static final int SOCK_SEQPACKET = 5;
  private static final int SOL_SOCKET = 1;
  private static final int SCM_RIGHTS = 1;
  private static final int SO_PEERCRED = 17;
  private static final int SO_SNDTIMEO = 21;
  private static final int PATH_LIMIT = 107;
  private static final int FDS_LIMIT = 16;

  private UnixSocket() {}

  private static Fd open() {
    return Fd.of(
        (int)
            SystemCall.check(
                SystemCall.raw(SystemCall.SOCKET, AF_UNIX, SOCK_STREAM | OpenFlag.CLOSE_ON_EXEC, 0),
                "socket",
                "unix"));
  }

  private static NativeBuffer address(String path) {
    byte[] bytes = path.getBytes(StandardCharsets.UTF_8);
    if (bytes.length > PATH_LIMIT) {
      throw new LinuxException("unix socket address", path, Errno.ENAMETOOLONG);
    }
    NativeBuffer address = NativeBuffer.allocate(2 + bytes.length + 1);
    address.putShort(0, AF_UNIX).put(2, bytes, 0, bytes.length);
    return address;
  }

  /** Listens on a path that must not exist yet; only its owner can connect (mode 0600). */
  public static Fd listen(String path, int backlog) {
    Fd socket = open();
    try (NativeBuffer address = address(path)) {
      // The node gets the socket's own mode (net/unix/af_unix.c, unix_bind_bsd): it is never open.
      Fs.chmod(socket, 0600);
      SystemCall.check(
          SystemCall.raw(SystemCall.BIND, socket.number(), address.address(), address.size()),
          "bind",
          path);
      SystemCall.check(SystemCall.raw(SystemCall.LISTEN, socket.number(), backlog), "listen", path);
      return socket;
    } catch (LinuxException e) {
      socket.close();
      throw e;
    }
  }

  /** Accepts a connection; blocks unless the listener is non-blocking (then EAGAIN is thrown). */
  public static Fd accept(Fd listener) {
    while (true) {
      long fd = SystemCall.raw(SystemCall.ACCEPT4, listener.number(), 0, 0, OpenFlag.CLOSE_ON_EXEC);
      if (fd == -Errno.EINTR || fd == -Errno.ECONNABORTED) {
        continue;
      }
      return Fd.of((int) SystemCall.check(fd, "accept4", listener.toString()));
    }
  }

  /** Connects to a path: ENOENT or ECONNREFUSED if no process listens. */
  public static Fd connect(String path) {
    Fd socket = open();
    try (NativeBuffer address = address(path)) {
      long r;
      do {
        r = SystemCall.raw(SystemCall.CONNECT, socket.number(), address.address(), address.size());
      } while (r == -Errno.EINTR);
      SystemCall.check(r, "connect", path);
      return socket;
    } catch (LinuxException e) {
      socket.close();
      throw e;
    }
  }

  /** What has come in one piece. */
  public record Message(byte[] bytes, List<Fd> descriptors) {}

  /** Two connected sockets. */
  public static Fd[] pair() {
    return pair(SOCK_STREAM);
  }

  /** Two connected sockets that keep messages apart (SOCK_SEQPACKET). */
  public static Fd[] messagePair() {
    return pair(SOCK_SEQPACKET);
  }

  private static Fd[] pair(int type) {
    try (NativeBuffer fds = NativeBuffer.allocate(8)) {
      SystemCall.check(
          SystemCall.raw(
              SystemCall.SOCKETPAIR, AF_UNIX, type | OpenFlag.CLOSE_ON_EXEC, 0, fds.address()),
          "socketpair",
          "");
      return new Fd[] {Fd.of(fds.getInt(0)), Fd.of(fds.getInt(4))};
    }
  }

  /** Ends one direction or both: 0 reading, 1 writing, 2 both. Not connected is fine. */
  public static void shutdown(Fd socket, int how) {
    long r = SystemCall.raw(SystemCall.SHUTDOWN, socket.number(), how);
    if (r != -Errno.ENOTCONN) {
      SystemCall.check(r, "shutdown", socket.toString());
    }
  }

  /**
   * Bounds how long a write waits for the peer to take something: after that, {@link Fd#write}
   * returns {@link Fd#WOULD_BLOCK} ({@code SO_SNDTIMEO}, socket(7)).
   */
  public static void writeTimeout(Fd socket, int millis) {
    try (NativeBuffer time = NativeBuffer.allocate(16)) {
      time.putLong(0, millis / 1000).putLong(8, millis % 1000 * 1000L);
      SystemCall.check(
          SystemCall.raw(
              SystemCall.SETSOCKOPT,
              socket.number(),
              SOL_SOCKET,
              SO_SNDTIMEO,
              time.address(),
              time.size()),
          "setsockopt(SO_SNDTIMEO)",
          socket.toString());
    }
  }

  /** Effective uid of the process at the other end when it connected. */
  public static int peerUid(Fd socket) {
    try (NativeBuffer credentials = NativeBuffer.allocate(12);
        NativeBuffer length = NativeBuffer.allocate(4)) {
      length.putInt(0, 12);
      SystemCall.check(
          SystemCall.raw(
              SystemCall.GETSOCKOPT,
              socket.number(),
              SOL_SOCKET,
              SO_PEERCRED,
              credentials.address(),
              length.address()),
          "getsockopt(SO_PEERCRED)",
          socket.toString());
      return credentials.getInt(4);
    }
  }

  /** Sends one byte with descriptors. */
  public static void sendDescriptors(Fd socket, List<Fd> fds) {
    int space = 16 + 4 * fds.size();
    try (NativeBuffer header = NativeBuffer.allocate(56);
        NativeBuffer vector = NativeBuffer.allocate(16);
        NativeBuffer data = NativeBuffer.allocate(1);
        NativeBuffer control = NativeBuffer.allocate((space + 7) / 8 * 8)) {
      vector.putLong(0, data.address()).putLong(8, 1);
      control.putLong(0, space).putInt(8, SOL_SOCKET).putInt(12, SCM_RIGHTS);
      for (int i = 0; i < fds.size(); i++) {
        control.putInt(16 + 4 * i, fds.get(i).number());
      }
      header
          .putLong(16, vector.address())
          .putLong(24, 1)
          .putLong(32, control.address())
          .putLong(40, space);
      SystemCall.check(
          SystemCall.raw(SystemCall.SENDMSG, socket.number(), header.address(), 0x4000),
          "sendmsg",
          socket.toString());
    }
  }

  /** Receives one byte with up to 16 descriptors; empty when the peer has closed. */
  public static Optional<List<Fd>> receiveDescriptors(Fd socket) {
    return receive(socket, 1).map(Message::descriptors);
  }

  /**
   * Receives up to {@code limit} bytes, or a message, whose rest is lost if it is longer, with up
   * to 16 descriptors; empty when the peer has closed.
   */
  public static Optional<Message> receive(Fd socket, int limit) {
    try (NativeBuffer header = NativeBuffer.allocate(56);
        NativeBuffer vector = NativeBuffer.allocate(16);
        NativeBuffer data = NativeBuffer.allocate(limit);
        NativeBuffer control = NativeBuffer.allocate(16 + 4 * FDS_LIMIT)) {
      vector.putLong(0, data.address()).putLong(8, limit);
      header
          .putLong(16, vector.address())
          .putLong(24, 1)
          .putLong(32, control.address())
          .putLong(40, control.size());
      long n;
      do {
        n = SystemCall.raw(SystemCall.RECVMSG, socket.number(), header.address(), 0x40000000L);
      } while (n == -Errno.EINTR);
      SystemCall.check(n, "recvmsg", socket.toString());
      if (n == 0) {
        return Optional.empty();
      }
      java.util.ArrayList<Fd> fds = new java.util.ArrayList<>();
      long received = header.getLong(40);
      if (received >= 20 && control.getInt(8) == SOL_SOCKET && control.getInt(12) == SCM_RIGHTS) {
        long end = Math.min(control.getLong(0), received);
        for (int at = 16; at + 4 <= end; at += 4) {
          fds.add(Fd.of(control.getInt(at)));
        }
      }
      return Optional.of(new Message(data.bytes(0, (int) n), fds));
    }
  }
}
