package dev.casemate.testsupport;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * A cpio archive in the "newc" format, written independently of module {@code guest}
 * (Documentation/driver-api/early-userspace/buffer-format.rst). The kernel unpacks an archive that
 * follows another over it.
 */
public final class NewcArchive {
  private static final int ALIGNMENT = 512;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  /** An archive that follows another. */
  public static NewcArchive over(byte[] archive) {
    NewcArchive over = new NewcArchive();
    over.out.writeBytes(archive);
    over.pad(ALIGNMENT);
    return over;
  }

  /**
   * Adds an entry.
   *
   * @param mode type and permissions, as {@code stat} has them
   */
  public NewcArchive entry(String name, int mode, byte[] content) {
    StringBuilder head = new StringBuilder("070701");
    int[] fields = {1, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length() + 1, 0};
    for (int field : fields) {
      String hex = Integer.toHexString(field);
      head.repeat('0', 8 - hex.length()).append(hex);
    }
    out.writeBytes(head.append(name).append('\0').toString().getBytes(StandardCharsets.US_ASCII));
    pad(4);
    out.writeBytes(content);
    pad(4);
    return this;
  }

  private void pad(int to) {
    out.writeBytes(new byte[-out.size() & (to - 1)]);
  }

  /** The archive with its end. */
  public byte[] bytes() {
    entry("TRAILER!!!", 0, new byte[0]);
    return out.toByteArray();
  }
}
