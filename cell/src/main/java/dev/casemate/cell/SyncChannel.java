package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.SystemCall;
import dev.casemate.linux.UnixSocket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * One end of the socket between the engine and a process that is on its way into a container. It is
 * close-on-exec: the end of the stream says that the command has taken over.
 */
final class SyncChannel implements AutoCloseable {
  /** Engine to child: go on; start. */
  static final byte GO = 'G';

  /** Child to engine: everything is done up to the exec; the payload is warnings, one a line. */
  static final byte READY = 'R';

  static final byte ERROR = 'E';

  /** The terminal's master follows as a descriptor. */
  static final byte TERMINAL = 'T';

  /** The pid of the process proper, which the helper has made. */
  static final byte PID = 'P';

  /** Time for the hooks of the runtime's namespace. */
  static final byte HOOKS = 'H';

  /** The number of the seccomp listener in the child. */
  static final byte LISTENER = 'S';

  /** The same in the process of a hook, whose pidfd comes with it as a descriptor. */
  static final byte HOOK_LISTENER = 'N';

  /** Asks for the source of a mount; the process's root comes with it as a descriptor. */
  static final byte OPEN = 'O';

  /** Asks for the ids of a mount to be mapped; the mount comes with it as a descriptor. */
  static final byte MAP = 'M';

  /** The same for the mounts below it, too. */
  static final byte MAP_ALL = 'A';

  /** Asks for a device of the specification; a mount of its node comes back, or nothing. */
  static final byte DEVICE = 'D';

  /** Asks for a file system that only the engine may mount; the mount answers as a descriptor. */
  static final byte MAKE = 'K';

  /** The small program's report that the exec, or a step before it, has failed. */
  static final byte EXEC_FAILED = 'X';

  /** The other side is gone. */
  static final byte END = 0;

  private static final int HEADER = 5;
  private static final int LIMIT = 64 * 1024;
  private static final int MSG_NOSIGNAL = 0x4000;

  private Fd socket;

  SyncChannel(Fd socket) {
    this.socket = socket;
  }

  record Message(byte type, byte[] payload) {
    String text() {
      return new String(payload, StandardCharsets.UTF_8);
    }
  }

  Fd socket() {
    return socket;
  }

  /** Goes on over another socket: the first engine process is gone, or about to go. */
  void replace(Fd other) {
    socket.close();
    socket = other;
  }

  /** Sends without the danger of a SIGPIPE; whether the other side is still there. */
  private boolean send(byte[] bytes) {
    try (NativeBuffer buffer = NativeBuffer.of(bytes)) {
      int done = 0;
      while (done < bytes.length) {
        long n =
            SystemCall.raw(
                SystemCall.SENDTO,
                socket.number(),
                buffer.address() + done,
                bytes.length - done,
                MSG_NOSIGNAL,
                0,
                0);
        if (n == -Errno.EINTR) {
          continue;
        }
        if (n == -Errno.EPIPE || n == -Errno.ECONNRESET) {
          return false;
        }
        done += (int) SystemCall.check(n, "sendto", "the container's process");
      }
      return true;
    }
  }

  boolean go() {
    return send(new byte[] {GO});
  }

  /** Waits for {@link #go}; false if the engine is gone. */
  boolean awaitGo() {
    byte[] one = new byte[1];
    return socket.read(one, 0, 1) == 1 && one[0] == GO;
  }

  void send(byte type, String text) {
    send(encode(type, text));
  }

  /** A message as it is on the wire: its type, the length of its payload in four bytes, this. */
  static byte[] encode(byte type, String text) {
    byte[] payload = text.getBytes(StandardCharsets.UTF_8);
    int length = Math.min(payload.length, LIMIT);
    byte[] message = Arrays.copyOf(encodeHeader(type, length), HEADER + length);
    System.arraycopy(payload, 0, message, HEADER, length);
    return message;
  }

  static byte[] encodeHeader(byte type, int length) {
    byte[] header = new byte[HEADER];
    header[0] = type;
    for (int i = 0; i < 4; i++) {
      header[1 + i] = (byte) (length >>> (8 * i));
    }
    return header;
  }

  void sendReady(List<String> warnings) {
    send(READY, String.join("\n", warnings));
  }

  void sendError(CasemateException e) {
    send(ERROR, e.kind().name() + "\n" + e.getMessage());
  }

  void sendTerminal(Fd master) {
    send(TERMINAL, "", master);
  }

  /** Sends a message that a descriptor follows. */
  void send(byte type, String text, Fd descriptor) {
    send(type, text);
    UnixSocket.sendDescriptors(socket, List.of(descriptor));
  }

  /** The next message, {@link #END} once the other side is gone. */
  Message receive() {
    byte[] header = new byte[HEADER];
    if (!readFully(header)) {
      return new Message(END, new byte[0]);
    }
    int length = 0;
    for (int i = 3; i >= 0; i--) {
      length = (length << 8) | (header[1 + i] & 0xff);
    }
    if (length < 0 || length > LIMIT) {
      return new Message(END, new byte[0]);
    }
    byte[] payload = new byte[length];
    if (!readFully(payload)) {
      return new Message(END, new byte[0]);
    }
    return new Message(header[0], payload);
  }

  private boolean readFully(byte[] bytes) {
    int done = 0;
    try {
      while (done < bytes.length) {
        int n = socket.read(bytes, done, bytes.length - done);
        if (n <= 0) {
          return false;
        }
        done += n;
      }
    } catch (LinuxException e) {
      if (e.errno() == Errno.ECONNRESET) {
        return false;
      }
      throw e;
    }
    return true;
  }

  /** The descriptor that follows a message such as {@link #TERMINAL}, or answers one. */
  Optional<Fd> receiveDescriptor() {
    List<Fd> fds = UnixSocket.receiveDescriptors(socket).orElse(List.of());
    return fds.isEmpty() ? Optional.empty() : Optional.of(fds.get(0));
  }

  /** What an {@link #ERROR} message says. */
  static CasemateException error(Message message) {
    int newline = message.text().indexOf('\n');
    String kind = newline < 0 ? "" : message.text().substring(0, newline);
    for (CasemateException.Kind known : CasemateException.Kind.values()) {
      if (known.name().equals(kind)) {
        return CasemateException.of(known, message.text().substring(newline + 1));
      }
    }
    return CasemateException.of(CasemateException.Kind.INTERNAL, message.text());
  }

  /** The lines of a {@link #READY} message. */
  static List<String> warnings(Message message) {
    List<String> lines = new ArrayList<>();
    int start = 0;
    String text = message.text();
    while (start < text.length()) {
      int end = text.indexOf('\n', start);
      if (end < 0) {
        end = text.length();
      }
      lines.add(text.substring(start, end));
      start = end + 1;
    }
    return lines;
  }

  @Override
  public void close() {
    socket.close();
  }
}
