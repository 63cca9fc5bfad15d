package dev.casemate.sandbox;

import dev.casemate.base.Rfc3339;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import java.nio.charset.StandardCharsets;

/**
 * A container's output on disk, in the format of Kubernetes' CRI: {@code TIME stdout|stderr F|P
 * BYTES}, a line per line of output, P where the output has no newline (yet). Bytes are kept as
 * they are, so that {@code casemate logs} gives back exactly what the workload wrote.
 *
 * <p>Before a line that would begin behind {@value #ROTATE_BYTES} bytes the file becomes {@code
 * output.log.1} and a new one begins: a chatty workload cannot fill the disk. An output of empty
 * lines grows fortyfold in this format; it goes through a buffer of fixed size.
 */
public final class ContainerLog implements AutoCloseable {
  static final long ROTATE_BYTES = 10L << 20;
  static final int BUFFER_BYTES = 16 * 1024;

  private final String path;
  private final byte[] buffer = new byte[BUFFER_BYTES];
  private int buffered;
  private Fd file;
  private long size;

  public ContainerLog(String path) {
    this.path = path;
    this.file = open();
    this.size = Fs.stat(file).size();
  }

  private Fd open() {
    return Fs.open(path, OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.APPEND, 0600);
  }

  /** Appends a piece of output. A full disk loses log, never output: the caller goes on. */
  synchronized void append(String stream, byte[] bytes, int length) {
    byte[] time =
        (Rfc3339.millis(System.currentTimeMillis()) + " " + stream + " ")
            .getBytes(StandardCharsets.US_ASCII);
    try {
      int start = 0;
      while (start < length) {
        int end = start;
        while (end < length && bytes[end] != '\n') {
          end++;
        }
        if (size + buffered >= ROTATE_BYTES) {
          rotate();
        }
        put(time, 0, time.length);
        put(end < length ? (byte) 'F' : (byte) 'P');
        put((byte) ' ');
        put(bytes, start, end - start);
        put((byte) '\n');
        start = end + 1;
      }
      flush();
    } catch (LinuxException e) {
      // What was in the buffer is lost; while the file cannot be turned over, so is what follows.
      buffered = 0;
    }
  }

  private void rotate() {
    flush();
    Fs.rename(path, path + ".1");
    Fd next = open();
    file.close();
    file = next;
    size = 0;
  }

  private void put(byte b) {
    if (buffered == buffer.length) {
      flush();
    }
    buffer[buffered++] = b;
  }

  private void put(byte[] bytes, int offset, int length) {
    int done = 0;
    while (done < length) {
      if (buffered == buffer.length) {
        flush();
      }
      int n = Math.min(length - done, buffer.length - buffered);
      System.arraycopy(bytes, offset + done, buffer, buffered, n);
      buffered += n;
      done += n;
    }
  }

  private void flush() {
    int length = buffered;
    buffered = 0;
    size += length;
    file.writeAll(buffer, 0, length);
  }

  @Override
  public synchronized void close() {
    file.close();
  }
}
