package dev.casemate.linux;

/**
 * Executables of x86-64 that consist of a few instructions, for what a process with threads, or one
 * that must not be copied, cannot do itself.
 */
public final class TinyExecutable {
  /** The address that the content has, its first instruction included. */
  public static final int CONTENT = 0x400000 + 64 + 3 * 56;

  /** A page of zeros that may be written to. */
  public static final int ZEROS = 0x500000;

  private static final int BASE = 0x400000;
  private static final int ELF_HEADER = 64;
  private static final int PROGRAM_HEADER = 56;
  private static final int SEGMENTS = 3;
  private static final int HEADERS = CONTENT - BASE;
  private static final int PAGE = 4096;
  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_EXEC = 0x10;

  private TinyExecutable() {}

  /** The file with {@code Elf64_Ehdr} and {@code Elf64_Phdr}s (elf(5)) before its content. */
  public static byte[] image(byte[] content) {
    byte[] image = new byte[HEADERS + content.length];
    byte[] ident = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    System.arraycopy(ident, 0, image, 0, ident.length);
    put(image, 16, 2, 2);
    put(image, 18, 62, 2);
    put(image, 20, 1, 4);
    put(image, 24, CONTENT, 8);
    put(image, 32, ELF_HEADER, 8);
    put(image, 52, ELF_HEADER, 2);
    put(image, 54, PROGRAM_HEADER, 2);
    put(image, 56, SEGMENTS, 2);
    // All that is in the file: read and execute.
    segment(image, 0, 1, 5, BASE, image.length, image.length);
    // Zeros: read and write.
    segment(image, 1, 1, 6, ZEROS, 0, PAGE);
    // PT_GNU_STACK: without it old kernels make all memory executable, of what it executes, too.
    segment(image, 2, 0x6474e551, 6, 0, 0, 0);
    System.arraycopy(content, 0, image, HEADERS, content.length);
    return image;
  }

  private static void segment(
      byte[] image, int index, int type, int flags, int address, int size, int memory) {
    int at = ELF_HEADER + index * PROGRAM_HEADER;
    put(image, at, type, 4);
    put(image, at + 4, flags, 4);
    put(image, at + 16, address, 8);
    put(image, at + 24, address, 8);
    put(image, at + 32, size, 8);
    put(image, at + 40, memory, 8);
    put(image, at + 48, PAGE, 8);
  }

  private static void put(byte[] bytes, int at, long value, int size) {
    for (int i = 0; i < size; i++) {
      bytes[at + i] = (byte) (value >>> (8 * i));
    }
  }

  /**
   * Puts an executable into memory that belongs to no file system that a container sees; to be
   * closed by the caller, and open for writing.
   */
  public static Fd inMemory(String name, byte[] image) {
    try (NativeBuffer text = NativeBuffer.ofString(name)) {
      long fd = SystemCall.raw(SystemCall.MEMFD_CREATE, text.address(), MFD_CLOEXEC | MFD_EXEC);
      if (fd == -Errno.EINVAL) {
        // Before 6.3 every one may be executed.
        fd = SystemCall.raw(SystemCall.MEMFD_CREATE, text.address(), MFD_CLOEXEC);
      }
      Fd file = Fd.of((int) SystemCall.check(fd, "memfd_create", name));
      try {
        file.writeAll(image);
        return file;
      } catch (LinuxException e) {
        file.close();
        throw e;
      }
    }
  }
}
