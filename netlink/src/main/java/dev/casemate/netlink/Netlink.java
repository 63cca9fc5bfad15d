package dev.casemate.netlink;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.SystemCall;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A netlink socket (netlink(7)). It always belongs to the network namespace of the thread that
 * opened it, whichever thread uses it later. Not thread-safe.
 */
public final class Netlink implements AutoCloseable {
  /** Links, addresses, routes, neighbours, queueing: rtnetlink(7). */
  public static final int ROUTE = 0;

  /** Packet filters and connection tracking: {@code linux/netfilter/nfnetlink.h}. */
  public static final int NETFILTER = 12;

  private static final int AF_NETLINK = 16;
  private static final int SOCK_RAW = 3;
  private static final int SOL_SOCKET = 1;
  private static final int SO_RCVTIMEO = 20;
  private static final int SO_SNDBUFFORCE = 32;
  private static final int SO_RCVBUFFORCE = 33;
  private static final int BATCH_SPACE = 8 << 20;
  private static final int SOL_NETLINK = 270;
  private static final int NETLINK_CAP_ACK = 10;
  private static final int NETLINK_EXT_ACK = 11;
  private static final int MSG_TRUNC = 0x20;
  private static final int TYPE_ERROR = 2;
  private static final int TYPE_DONE = 3;
  private static final int FLAG_DUMP_INTERRUPTED = 0x10;
  private static final int FLAG_ACK_TLVS = 0x200;
  private static final int EXT_ACK_TEXT = 1;
  private static final int BUFFER = 64 * 1024;
  private static final int TIMEOUT_SECONDS = 30;
  private static final int DUMP_RETRIES = 20;

  private final Fd socket;
  private final NativeBuffer buffer = NativeBuffer.allocate(BUFFER);
  private final NativeBuffer sender = NativeBuffer.allocate(16);
  private int sequence;

  private Netlink(Fd socket) {
    this.socket = socket;
  }

  /** Opens a socket in the calling thread's network namespace. */
  public static Netlink open(int protocol) {
    Fd socket =
        Fd.of(
            (int)
                SystemCall.check(
                    SystemCall.raw(
                        SystemCall.SOCKET, AF_NETLINK, SOCK_RAW | OpenFlag.CLOSE_ON_EXEC, protocol),
                    "socket",
                    "netlink " + protocol));
    try (NativeBuffer value = NativeBuffer.allocate(16)) {
      value.putLong(0, TIMEOUT_SECONDS);
      option(socket, SOL_SOCKET, SO_RCVTIMEO, value, 16);
      value.putLong(0, 1);
      option(socket, SOL_NETLINK, NETLINK_CAP_ACK, value, 4);
      option(socket, SOL_NETLINK, NETLINK_EXT_ACK, value, 4);
      if (protocol == NETFILTER) {
        // A batch is answered with one acknowledgement a message, all at once.
        value.putLong(0, BATCH_SPACE);
        option(socket, SOL_SOCKET, SO_SNDBUFFORCE, value, 4);
        option(socket, SOL_SOCKET, SO_RCVBUFFORCE, value, 4);
      }
      return new Netlink(socket);
    } catch (LinuxException e) {
      socket.close();
      throw e;
    }
  }

  private static void option(Fd socket, int level, int name, NativeBuffer value, int length) {
    SystemCall.check(
        SystemCall.raw(
            SystemCall.SETSOCKOPT, socket.number(), level, name, value.address(), length),
        "setsockopt",
        "netlink " + name);
  }

  /** A message as it was received. */
  record Received(int type, int flags, int sequence, NetlinkReader payload) {}

  /** Splits a datagram into messages; refuses lengths that do not fit. */
  static List<Received> split(byte[] datagram) {
    List<Received> messages = new ArrayList<>();
    NetlinkReader whole = new NetlinkReader(0, datagram, 0, datagram.length);
    int at = 0;
    while (datagram.length - at >= NetlinkMessage.HEADER) {
      int length = whole.i32(at);
      if (length < NetlinkMessage.HEADER || length > datagram.length - at) {
        throw NetlinkReader.malformed(
            "message of " + length + " bytes where " + (datagram.length - at) + " are left");
      }
      int type = whole.u16(at + 4);
      messages.add(
          new Received(
              type,
              whole.u16(at + 6),
              whole.i32(at + 8),
              new NetlinkReader(type, datagram, at + NetlinkMessage.HEADER, at + length)));
      int next = NetlinkMessage.align(length);
      at = next > datagram.length - at ? datagram.length : at + next;
    }
    return messages;
  }

  /** The errno of an error message, 0 for an acknowledgement. */
  private static int error(Received message) {
    int error = message.payload().i32(0);
    if (error > 0 || error < -4095) {
      throw NetlinkReader.malformed("error number " + error);
    }
    return -error;
  }

  private static LinuxException failure(String what, Received message) {
    String text = "";
    if ((message.flags() & FLAG_ACK_TLVS) != 0) {
      // The request's header stands between; its payload was left out (NETLINK_CAP_ACK).
      text =
          NetlinkReader.string(
              message.payload().attributes(4 + NetlinkMessage.HEADER), EXT_ACK_TEXT);
    }
    return new LinuxException(
        "netlink", what + (text.isEmpty() ? "" : ": " + text), error(message));
  }

  private void send(byte[] datagram, String what) {
    try (NativeBuffer out = NativeBuffer.of(datagram);
        NativeBuffer kernel = NativeBuffer.allocate(12)) {
      kernel.putShort(0, AF_NETLINK);
      long n;
      do {
        n =
            SystemCall.raw(
                SystemCall.SENDTO,
                socket.number(),
                out.address(),
                datagram.length,
                0,
                kernel.address(),
                12);
      } while (n == -Errno.EINTR);
      SystemCall.check(n, "netlink send", what);
    }
  }

  private List<Received> receive(String what) {
    try (NativeBuffer senderSize = NativeBuffer.allocate(4)) {
      while (true) {
        senderSize.putInt(0, 12);
        long n =
            SystemCall.raw(
                SystemCall.RECVFROM,
                socket.number(),
                buffer.address(),
                BUFFER,
                MSG_TRUNC,
                sender.address(),
                senderSize.address());
        if (n == -Errno.EINTR) {
          continue;
        }
        if (n == -Errno.EAGAIN) {
          throw new LinuxException("netlink receive", what, Errno.ETIMEDOUT);
        }
        SystemCall.check(n, "netlink receive", what);
        if (n > BUFFER) {
          throw new LinuxException("netlink receive", what, Errno.EMSGSIZE);
        }
        // Any process may send to this socket; only the kernel has port 0.
        if (sender.getInt(4) == 0) {
          return split(buffer.bytes(0, (int) n));
        }
      }
    }
  }

  /**
   * Sends a request and waits for its acknowledgement.
   *
   * @param what what the request does, for the error
   * @return the payloads of the messages that came before the acknowledgement
   */
  public List<NetlinkReader> request(NetlinkMessage message, String what) {
    int number = ++sequence;
    send(message.finish(number, NetlinkMessage.ACK), what);
    List<NetlinkReader> replies = new ArrayList<>();
    while (true) {
      for (Received received : receive(what)) {
        if (received.sequence() != number) {
          continue;
        }
        if (received.type() == TYPE_ERROR) {
          if (error(received) != 0) {
            throw failure(what, received);
          }
          return replies;
        }
        replies.add(received.payload());
      }
    }
  }

  /** Asks for all objects of a kind; starts again when they change meanwhile. */
  public List<NetlinkReader> dump(NetlinkMessage message, String what) {
    for (int i = 0; ; i++) {
      Optional<List<NetlinkReader>> objects = dumpOnce(message, what, i == DUMP_RETRIES);
      if (objects.isPresent()) {
        return objects.get();
      }
    }
  }

  private Optional<List<NetlinkReader>> dumpOnce(
      NetlinkMessage message, String what, boolean evenIfInterrupted) {
    int number = ++sequence;
    send(message.finish(number, NetlinkMessage.DUMP), what);
    List<NetlinkReader> objects = new ArrayList<>();
    boolean interrupted = false;
    while (true) {
      for (Received received : receive(what)) {
        if (received.sequence() != number) {
          continue;
        }
        interrupted |= (received.flags() & FLAG_DUMP_INTERRUPTED) != 0;
        if (received.type() == TYPE_ERROR) {
          throw failure(what, received);
        }
        if (received.type() == TYPE_DONE) {
          if (received.payload().size() >= 4 && received.payload().i32(0) < 0) {
            throw new LinuxException("netlink", what, error(received));
          }
          return interrupted && !evenIfInterrupted ? Optional.empty() : Optional.of(objects);
        }
        objects.add(received.payload());
      }
    }
  }

  /**
   * Sends messages of which all or none take effect: nfnetlink's batches. {@code first} and {@code
   * last} are the messages that bracket the batch.
   */
  void transact(
      NetlinkMessage first, List<NetlinkMessage> messages, NetlinkMessage last, String what) {
    int begin = ++sequence;
    java.io.ByteArrayOutputStream datagram = new java.io.ByteArrayOutputStream();
    datagram.writeBytes(first.finish(begin, 0));
    for (NetlinkMessage message : messages) {
      datagram.writeBytes(message.finish(++sequence, NetlinkMessage.ACK));
    }
    int end = ++sequence;
    datagram.writeBytes(last.finish(end, 0));
    send(datagram.toByteArray(), what);
    int waiting = messages.size();
    Optional<Received> failed = Optional.empty();
    while (waiting > 0) {
      for (Received received : receive(what)) {
        if (received.sequence() < begin
            || received.sequence() > end
            || received.type() != TYPE_ERROR) {
          continue;
        }
        if (error(received) != 0 && failed.isEmpty()) {
          failed = Optional.of(received);
        }
        // An error about a bracket is the only reply: the messages were not looked at.
        waiting = received.sequence() == begin || received.sequence() == end ? 0 : waiting - 1;
      }
    }
    if (failed.isPresent()) {
      throw failure(what, failed.get());
    }
  }

  @Override
  public void close() {
    socket.close();
    buffer.close();
    sender.close();
  }
}
