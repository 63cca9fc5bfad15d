package dev.casemate.sandbox;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * A container's output on disk, in the format of Kubernetes' CRI: {@code TIME stdout|stderr F|P
 * BYTES}, a line per line of output, P where the output has no newline (yet). Bytes are kept as
 * they are, so that {@code casemate logs} gives back exactly what the workload wrote.
 *
 * <p>At {@value #ROTATE_BYTES} bytes the file becomes {@code output.log.1} and a new one begins: a
 * chatty workload cannot fill the disk.
 */
public final class ContainerLog implements AutoCloseable {
  static final long ROTATE_BYTES = 10L << 20;

  private final String path;
  private Fd file;
  private long size;

  ContainerLog(String path) {
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
        (Rfc3339.format(System.currentTimeMillis()) + " " + stream + " ")
            .getBytes(StandardCharsets.US_ASCII);
    ByteArrayOutputStream lines = new ByteArrayOutputStream(length + 64);
    int start = 0;
    while (start < length) {
      int end = start;
      while (end < length && bytes[end] != '\n') {
        end++;
      }
      lines.write(time, 0, time.length);
      lines.write(end < length ? 'F' : 'P');
      lines.write(' ');
      lines.write(bytes, start, end - start);
      lines.write('\n');
      start = end + 1;
    }
    try {
      if (size > ROTATE_BYTES) {
        Fs.rename(path, path + ".1");
        Fd next = open();
        file.close();
        file = next;
        size = 0;
      }
      file.writeAll(lines.toByteArray());
      size += lines.size();
    } catch (LinuxException e) {
      size += lines.size();
    }
  }

  @Override
  public synchronized void close() {
    file.close();
  }
}
