package dev.casemate.hypervisor;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Properties of a guest kernel's file. A kernel that does not fit into the guest's memory fails
 * silently in most VMMs, so this is checked before the start.
 */
public final class KernelImage {
  private static final int HEADER = 4096;
  private static final int MOST_SEGMENTS = 32;
  private static final long MIB = 1024 * 1024;

  /** What a kernel needs beside its own image to get as far as PID 1. */
  private static final long WORKING_MIB = 24;

  private KernelImage() {}

  /**
   * Least memory in MiB for a kernel and an initramfs: the end of the kernel's last segment (ELF),
   * the initramfs twice (as it is loaded and unpacked), and some to work with. For other formats
   * only the initramfs counts.
   */
  public static long leastMemoryMib(String kernel, String initramfs) {
    long bytes = endOfLastSegment(kernel);
    if (!initramfs.isEmpty()) {
      bytes += 2 * Fs.stat(initramfs).size();
    }
    return bytes / MIB + WORKING_MIB;
  }

  /**
   * Checks that a VM has enough memory to boot.
   *
   * @throws CasemateException INVALID_ARGUMENT if it does not
   */
  public static void requireMemory(VmConfig config) {
    long least = leastMemoryMib(config.kernel(), config.initramfs());
    if (config.memoryMib() < least) {
      throw CasemateException.of(
          CasemateException.Kind.INVALID_ARGUMENT,
          "VM "
              + config.vmId()
              + ": memory of "
              + config.memoryMib()
              + " MiB is too little for guest kernel \""
              + config.kernel()
              + "\": give it at least "
              + least
              + " MiB");
    }
  }

  private static long endOfLastSegment(String kernel) {
    byte[] bytes = new byte[HEADER];
    int length;
    try (Fd fd = Fs.open(kernel, OpenFlag.READ_ONLY)) {
      length = Math.max(0, fd.read(bytes, 0, HEADER));
    }
    ByteBuffer header = ByteBuffer.wrap(bytes, 0, length).order(ByteOrder.LITTLE_ENDIAN);
    // ELF64, little endian: the table of segments stands at e_phoff, e_phnum entries of 56 bytes.
    if (length < 64 || header.getInt(0) != 0x464c457f || bytes[4] != 2) {
      return 0;
    }
    long table = header.getLong(32);
    int count = Math.min(header.getShort(56) & 0xffff, MOST_SEGMENTS);
    if (table < 0 || table > length - 56L * count || header.getShort(54) != 56) {
      return 0;
    }
    long end = 0;
    for (int i = 0; i < count; i++) {
      int at = (int) table + 56 * i;
      if (header.getInt(at) == 1) {
        long segment = header.getLong(at + 24) + header.getLong(at + 40);
        end = Math.max(end, Math.max(0, Math.min(segment, 1L << 40)));
      }
    }
    return end;
  }
}
