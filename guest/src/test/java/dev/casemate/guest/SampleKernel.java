package dev.casemate.guest;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;

/** Small files with the parts of a kernel that the guest builder looks at. */
final class SampleKernel {
  static final String RELEASE = "6.1.0-56-cloud-amd64";

  private SampleKernel() {}

  /** An ELF file with one segment to load, the banner and, if asked for, the PVH note. */
  static byte[] elf(boolean pvh) {
    byte[] banner =
        ("Linux version %s\0Linux version " + RELEASE + " (someone@somewhere) #1\n\0")
            .getBytes(StandardCharsets.US_ASCII);
    ByteBuffer elf = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
    elf.put(new byte[] {0x7F, 'E', 'L', 'F', 2, 1, 1});
    elf.putShort(16, (short) 2).putShort(18, (short) 62);
    elf.putLong(32, 64).putShort(54, (short) 56).putShort(56, (short) 2);
    elf.putInt(64, 1).putLong(64 + 8, 512).putLong(64 + 32, 1024);
    elf.putInt(120, 4).putLong(120 + 8, 256).putLong(120 + 32, 56);
    // A GNU build id comes first, as in real kernels.
    elf.position(256);
    elf.putInt(4).putInt(20).putInt(3).put("GNU\0".getBytes(StandardCharsets.US_ASCII));
    elf.put(new byte[20]);
    elf.putInt(4).putInt(4).putInt(pvh ? 18 : 17).put("Xen\0".getBytes(StandardCharsets.US_ASCII));
    elf.putInt(0x1000000);
    elf.position(512);
    elf.put(banner);
    return elf.array();
  }

  /**
   * What is kept of {@link #elf}: its one segment to load ends with the last byte that is not 0.
   */
  static byte[] trimmed(byte[] elf) {
    int end = elf.length;
    while (elf[end - 1] == 0) {
      end--;
    }
    byte[] kept = Arrays.copyOf(elf, end);
    ByteBuffer header = ByteBuffer.wrap(kept).order(ByteOrder.LITTLE_ENDIAN);
    header.putLong(64 + 32, end - 512).putShort(58, (short) 64);
    return kept;
  }

  /** A bzImage around a packed kernel; {@code size} is what it unpacks to. */
  static byte[] image(byte[] packed, boolean appendSize, int size) {
    int payload = packed.length + (appendSize ? 4 : 0);
    ByteBuffer image = ByteBuffer.allocate(1024 + 700 + payload).order(ByteOrder.LITTLE_ENDIAN);
    image.put(0x1F1, (byte) 1);
    image.put(0x202, "HdrS".getBytes(StandardCharsets.US_ASCII));
    image.putShort(0x206, (short) 0x20F);
    image.putInt(0x248, 700).putInt(0x24C, payload);
    image.put(1024 + 700, packed);
    if (appendSize) {
      image.putInt(1024 + 700 + packed.length, size);
    }
    return image.array();
  }

  static byte[] gzipImage(byte[] elf) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(elf);
    }
    return image(out.toByteArray(), false, elf.length);
  }

  /** A module with a section {@code .modinfo} of these entries. */
  static byte[] module(String... entries) {
    byte[] info = (String.join("\0", entries) + "\0").getBytes(StandardCharsets.US_ASCII);
    byte[] names = "\0.modinfo\0.shstrtab\0".getBytes(StandardCharsets.US_ASCII);
    int namesAt = 64 + info.length;
    int table = namesAt + names.length;
    ByteBuffer elf = ByteBuffer.allocate(table + 3 * 64).order(ByteOrder.LITTLE_ENDIAN);
    elf.put(new byte[] {0x7F, 'E', 'L', 'F', 2, 1, 1});
    elf.putShort(16, (short) 1).putShort(18, (short) 62);
    elf.putLong(40, table).putShort(58, (short) 64).putShort(60, (short) 3).putShort(62, (short) 2);
    elf.put(64, info).put(namesAt, names);
    elf.putInt(table + 64, 1).putInt(table + 68, 1);
    elf.putLong(table + 64 + 24, 64).putLong(table + 64 + 32, info.length);
    elf.putInt(table + 128, 10).putInt(table + 132, 3);
    elf.putLong(table + 128 + 24, namesAt).putLong(table + 128 + 32, names.length);
    return elf.array();
  }

  static byte[] signed(byte[] module, int signatureBytes) {
    ByteBuffer signed = ByteBuffer.allocate(module.length + signatureBytes + 12 + 28);
    signed.put(module).put(new byte[signatureBytes + 8]).putInt(signatureBytes);
    signed.put("~Module signature appended~\n".getBytes(StandardCharsets.US_ASCII));
    return signed.array();
  }
}
