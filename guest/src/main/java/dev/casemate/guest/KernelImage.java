package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPInputStream;

/**
 * A kernel as an uncompressed ELF file that a VMM can enter directly through its PVH entry point.
 *
 * <p>Distributions ship a bzImage: a loader with the packed ELF as its payload ({@code
 * Documentation/arch/x86/boot.rst}). Unpacking that once at build time saves every VM the
 * decompression.
 */
final class KernelImage {
  /**
   * Type of the ELF note that holds the 32-bit entry point ({@code
   * include/xen/interface/elfnote.h}).
   */
  private static final int XEN_ELFNOTE_PHYS32_ENTRY = 18;

  private static final int SETUP_SECTORS = 0x1F1;
  private static final int HEADER_MAGIC = 0x202;
  private static final int PROTOCOL_VERSION = 0x206;
  private static final int PAYLOAD_OFFSET = 0x248;
  private static final int PAYLOAD_LENGTH = 0x24C;
  private static final int SECTOR_BYTES = 512;

  /** Far more than any kernel has. */
  private static final long MAXIMUM_BYTES = 512L << 20;

  private final byte[] elf;
  private final String release;

  private KernelImage(byte[] elf, String release) {
    this.elf = elf;
    this.release = release;
  }

  /** The ELF file's bytes. */
  byte[] elf() {
    return elf;
  }

  /** What {@code uname -r} will say. */
  String release() {
    return release;
  }

  /** Reads an ELF vmlinux or a bzImage and checks that it can be booted by PVH. */
  static KernelImage read(Path file) {
    byte[] content;
    try {
      if (!Files.isRegularFile(file)) {
        throw CasemateException.of(Kind.NOT_FOUND, "Kernel file " + file + " does not exist");
      }
      if (Files.size(file) > MAXIMUM_BYTES) {
        throw notKernel(file, "it has " + Files.size(file) + " bytes");
      }
      content = Files.readAllBytes(file);
    } catch (IOException e) {
      throw Failure.of("read kernel file " + file, e);
    }
    byte[] elf = Elf.isElf(content) ? content : unpack(file, content);
    checkEntry(file, Elf.parse(elf, "Kernel " + file));
    return new KernelImage(Elf.withoutZeros(elf, "Kernel " + file), release(file, elf));
  }

  private static byte[] unpack(Path file, byte[] image) {
    ByteBuffer header = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
    if (image.length < 0x268
        || image[HEADER_MAGIC] != 'H'
        || image[HEADER_MAGIC + 1] != 'd'
        || image[HEADER_MAGIC + 2] != 'r'
        || image[HEADER_MAGIC + 3] != 'S') {
      throw notKernel(file, "it is neither an ELF file nor a bzImage");
    }
    int version = Short.toUnsignedInt(header.getShort(PROTOCOL_VERSION));
    if (version < 0x208) {
      throw notKernel(
          file, "its boot protocol is 0x" + Integer.toHexString(version) + ", below 0x208");
    }
    int sectors = Byte.toUnsignedInt(image[SETUP_SECTORS]);
    long start =
        (sectors == 0 ? 5L : sectors + 1L) * SECTOR_BYTES
            + Integer.toUnsignedLong(header.getInt(PAYLOAD_OFFSET));
    long length = Integer.toUnsignedLong(header.getInt(PAYLOAD_LENGTH));
    if (length < 16 || start + length > image.length) {
      throw notKernel(
          file,
          "it is truncated: its payload ends at byte "
              + (start + length)
              + " and the file has "
              + image.length);
    }
    // The build appends the unpacked size to every format that does not end with it anyway
    // (scripts/Makefile.lib).
    long size = Integer.toUnsignedLong(header.getInt((int) (start + length - 4)));
    if (size > MAXIMUM_BYTES) {
      throw notKernel(file, "its payload claims to decompress to " + size + " bytes");
    }
    try {
      byte[] elf = decompress(file, image, (int) start, (int) length, (int) size);
      if (elf.length != size) {
        throw notKernel(
            file, "its payload decompressed to " + elf.length + " bytes, expected " + size);
      }
      return elf;
    } catch (IOException e) {
      throw notKernel(file, "its payload cannot be decompressed: " + Failure.message(e));
    }
  }

  private static byte[] decompress(Path file, byte[] image, int start, int length, int size)
      throws IOException {
    int magic = ByteBuffer.wrap(image, start, 4).order(ByteOrder.LITTLE_ENDIAN).getInt();
    if (magic == Lz4Legacy.MAGIC) {
      return Lz4Legacy.decode(image, start, length - 4, size);
    }
    if ((magic & 0xFFFF) == 0x8B1F) {
      try (GZIPInputStream in =
          new GZIPInputStream(new ByteArrayInputStream(image, start, length))) {
        byte[] elf = in.readNBytes(size);
        // The checksum is compared only when the end is read.
        if (in.read() >= 0) {
          throw notKernel(file, "its payload has more than the " + size + " bytes that it claims");
        }
        return elf;
      }
    }
    byte[] payload = Arrays.copyOfRange(image, start, start + length - 4);
    if (magic == 0xFD2FB528) {
      return Decompressor.zstd(payload, file.toString());
    }
    if (magic == 0x587A37FD || (magic & 0xFFFFFF) == 0x00005D) {
      return Decompressor.xz(payload, file.toString());
    }
    throw notKernel(
        file,
        "its payload has an unknown compression format (first bytes 0x"
            + Integer.toHexString(Integer.reverseBytes(magic))
            + "; supported: gzip, lz4, lzma, xz and zstd)");
  }

  private static void checkEntry(Path file, Elf elf) {
    boolean loads = false;
    boolean entry = false;
    for (Elf.Segment segment : elf.segments()) {
      loads |= segment.type() == Elf.PT_LOAD;
      if (segment.type() == Elf.PT_NOTE) {
        entry |= hasEntryNote(elf.slice(segment.offset(), segment.bytes()));
      }
    }
    if (!loads) {
      throw notKernel(file, "it has no loadable segments: it is an object file or a module");
    }
    if (!entry) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "Kernel "
              + file
              + " has no PVH entry point (ELF note Xen type 18). Use a kernel built with CONFIG_PVH=y, such as"
              + " Debian's cloud kernel");
    }
  }

  private static boolean hasEntryNote(ByteBuffer notes) {
    int at = 0;
    while (notes.capacity() - at >= 12) {
      long nameBytes = Integer.toUnsignedLong(notes.getInt(at));
      long dataBytes = Integer.toUnsignedLong(notes.getInt(at + 4));
      int type = notes.getInt(at + 8);
      long next = at + 12 + ((nameBytes + 3) & ~3L) + ((dataBytes + 3) & ~3L);
      if (next > notes.capacity()) {
        return false;
      }
      if (type == XEN_ELFNOTE_PHYS32_ENTRY
          && nameBytes == 4
          && notes.get(at + 12) == 'X'
          && notes.get(at + 13) == 'e'
          && notes.get(at + 14) == 'n') {
        return true;
      }
      at = (int) next;
    }
    return false;
  }

  /** The release stands in the banner, {@code init/version.c}. */
  private static String release(Path file, byte[] elf) {
    byte[] banner = "Linux version ".getBytes(StandardCharsets.US_ASCII);
    int last = elf.length - banner.length - 1;
    for (int i = 0; i < last; i++) {
      if (elf[i] != 'L' || !Arrays.equals(elf, i, i + banner.length, banner, 0, banner.length)) {
        continue;
      }
      int start = i + banner.length;
      int end = start;
      while (end < elf.length && end - start < 65 && elf[end] > ' ' && elf[end] < 0x7F) {
        end++;
      }
      // The format string in the same section reads "Linux version %s".
      if (end > start && elf[start] >= '0' && elf[start] <= '9' && elf[end] == ' ') {
        return new String(elf, start, end - start, StandardCharsets.US_ASCII);
      }
    }
    throw notKernel(file, "it is not a Linux kernel: it does not contain 'Linux version'");
  }

  private static CasemateException notKernel(Path file, String why) {
    return CasemateException.of(
        Kind.INVALID_ARGUMENT,
        "Kernel "
            + file
            + " cannot be used: "
            + why
            + ". Use an x86-64 vmlinux or bzImage (vmlinuz) built with "
            + String.join(", ", List.of("CONFIG_PVH=y", "CONFIG_BLK_DEV_INITRD=y")));
  }
}
