package dev.casemate.archive;

import dev.casemate.linux.Fd;
import java.io.OutputStream;

/** A stream into an open, blocking descriptor that it does not close; unbuffered. */
public final class FdOutputStream extends OutputStream {
  private final Fd fd;

  public FdOutputStream(Fd fd) {
    this.fd = fd;
  }

  @Override
  public void write(int b) {
    fd.writeAll(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) {
    fd.writeAll(bytes, offset, length);
  }
}
