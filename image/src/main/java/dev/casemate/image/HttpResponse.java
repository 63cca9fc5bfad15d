package dev.casemate.image;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * An answer of HTTP/1.1 (RFC 9112): status and headers are read, the body is read by the caller.
 * All lengths are bounded; a body that ends early is an error.
 */
final class HttpResponse implements AutoCloseable {
  private static final int MAX_HEAD = 64 * 1024;
  private static final long MAX_HEAD_NANOS = 60_000_000_000L;

  private final Socket socket;
  private final InputStream in;
  private final int status;
  private final Map<String, List<String>> headers = new HashMap<>();
  private final boolean chunked;
  private final long length;
  private long left;
  private boolean ended;
  private int headBytes;

  private HttpResponse(Socket socket, InputStream in, boolean bodyExpected) throws IOException {
    this.socket = socket;
    this.in = in;
    long deadline = System.nanoTime() + MAX_HEAD_NANOS;
    this.status = status(line(deadline));
    while (true) {
      String line = line(deadline);
      if (line.isEmpty()) {
        break;
      }
      int colon = line.indexOf(':');
      if (colon <= 0) {
        throw new IOException("the server's response has a header line without a name");
      }
      headers
          .computeIfAbsent(
              line.substring(0, colon).strip().toLowerCase(Locale.ROOT), k -> new ArrayList<>())
          .add(line.substring(colon + 1).strip());
    }
    String coding = header("transfer-encoding").orElse("");
    if (!coding.isEmpty() && !coding.equalsIgnoreCase("chunked")) {
      throw new IOException("the server's response has unknown transfer coding " + coding);
    }
    chunked = !coding.isEmpty();
    length = chunked ? -1 : number(header("content-length").orElse("-1"));
    left = chunked ? 0 : length < 0 ? Long.MAX_VALUE : length;
    ended = !bodyExpected || status == 204 || status == 304;
  }

  static HttpResponse read(Socket socket, InputStream in, boolean bodyExpected) throws IOException {
    return new HttpResponse(socket, in, bodyExpected);
  }

  private String line(long deadline) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    while (true) {
      int c = in.read();
      if (c < 0) {
        throw new EOFException("the server closed the connection without a response");
      }
      if (++headBytes > MAX_HEAD || System.nanoTime() > deadline) {
        throw new IOException("the server's response has too many headers");
      }
      if (c == '\n') {
        String text = line.toString(StandardCharsets.ISO_8859_1);
        return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
      }
      line.write(c);
    }
  }

  private static int status(String line) throws IOException {
    if (!line.startsWith("HTTP/1.") || line.length() < 12) {
      throw new IOException("the server does not speak HTTP/1.1");
    }
    int status = (int) number(line.substring(9, 12));
    if (status < 100 || status > 599) {
      throw new IOException("the server's response has status " + status);
    }
    return status;
  }

  private static long number(String text) throws IOException {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new IOException("the server's response has a malformed number", e);
    }
  }

  int status() {
    return status;
  }

  Optional<String> header(String name) {
    List<String> values = headers.getOrDefault(name, List.of());
    return values.isEmpty() ? Optional.empty() : Optional.of(values.getFirst());
  }

  List<String> headers(String name) {
    return headers.getOrDefault(name, List.of());
  }

  /** Bytes of the body as announced; −1 if unknown. */
  long length() {
    return length;
  }

  /** Reads from the body; −1 at its end. */
  int read(byte[] bytes, int offset, int count) throws IOException {
    if (ended) {
      return -1;
    }
    if (chunked && left == 0 && !nextChunk()) {
      return -1;
    }
    if (left == 0) {
      ended = true;
      return -1;
    }
    int n = in.read(bytes, offset, (int) Math.min(count, left));
    if (n < 0) {
      if (!chunked && length < 0) {
        ended = true;
        return -1;
      }
      throw new EOFException("the connection was interrupted");
    }
    left -= n;
    if (chunked && left == 0) {
      endOfLine();
    }
    return n;
  }

  private boolean nextChunk() throws IOException {
    long size = 0;
    int digits = 0;
    while (true) {
      int c = in.read();
      int digit = Character.digit(c, 16);
      if (digit < 0) {
        // Extensions after ";" mean nothing to anybody.
        int skipped = 0;
        while (c != '\n') {
          if (c < 0 || ++skipped > 1024) {
            throw new EOFException("the connection was interrupted");
          }
          c = in.read();
        }
        break;
      }
      if (++digits > 15) {
        throw new IOException("the server's response has a chunk of excessive length");
      }
      size = size * 16 + digit;
    }
    if (digits == 0) {
      throw new IOException("the server's response has a chunk without a length");
    }
    left = size;
    ended = size == 0;
    return !ended;
  }

  private void endOfLine() throws IOException {
    int c = in.read();
    if (c == '\r') {
      c = in.read();
    }
    if (c != '\n') {
      throw new IOException("the server's response has a chunk of wrong length");
    }
  }

  /**
   * The whole body, which must not be longer than {@code limit} nor take longer than two minutes.
   */
  byte[] body(int limit) throws IOException {
    long deadline = System.nanoTime() + 2 * MAX_HEAD_NANOS;
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    byte[] chunk = new byte[16 * 1024];
    while (true) {
      int n = read(chunk, 0, chunk.length);
      if (n < 0) {
        return body.toByteArray();
      }
      if (body.size() + n > limit) {
        throw new TooLarge(limit);
      }
      if (System.nanoTime() > deadline) {
        throw new IOException("the server sends its response too slowly");
      }
      body.write(chunk, 0, n);
    }
  }

  /** A document that is longer than any honest one. */
  static final class TooLarge extends IOException {
    private static final long serialVersionUID = 1L;

    TooLarge(int limit) {
      super("the server's response is longer than " + limit + " bytes");
    }
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      // Nothing more is wanted of it.
      return;
    }
  }
}
