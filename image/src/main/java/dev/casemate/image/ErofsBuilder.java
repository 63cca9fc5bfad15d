package dev.casemate.image;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileSystem;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.WaitStatus;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * Makes a read-only EROFS image of a directory with {@code mkfs.erofs}, or where that cannot, an
 * ext4 one ({@link Ext4Builder}). Equal directories give equal images: the volume's id and time are
 * fixed, files keep their own times.
 *
 * <p>Uncompressed: lz4 costs little here and brings 83 MB of Python and Perl from 80 to 44 MB, but
 * the guest, perhaps without KVM, would pay at each first read and need one more kernel module.
 */
final class ErofsBuilder {
  private static final String SEARCH_PATH =
      "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

  private static final int SUPERBLOCK = 1024;
  private static final int BLOCK = 4096;

  private ErofsBuilder() {}

  /**
   * Writes the image.
   *
   * @param chain hexadecimal digest of the content, from which the volume's id is taken
   * @param work a directory for the program's messages
   */
  static void build(String directory, String target, String chain, String work, String root) {
    String program = Spawn.find("mkfs.erofs", SEARCH_PATH);
    if (program.isEmpty()) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "program mkfs.erofs was not found in "
              + SEARCH_PATH
              + "; install package erofs-utils to run images");
    }
    String log = work + "/mkfs.log";
    int pid;
    try (Fd in = Fs.open("/dev/null", OpenFlag.READ_ONLY);
        Fd out = Fs.open(log, OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.TRUNCATE, 0600)) {
      pid =
          Spawn.program(
                  program, List.of("mkfs.erofs", "--quiet", "-U" + uuid(chain), target, directory))
              .stdio(in, out, out)
              .start();
    }
    Optional<WaitStatus> ended = Processes.waitFor(pid, 0);
    if (ended.isPresent() && ended.get().exitStatus() == 0) {
      clearBuildTime(target);
      return;
    }
    String said = lastLine(log);
    if (Ext4Builder.isNeeded(directory)) {
      // Before 1.6 or so it cuts names of 255 bytes off, and then does not find the files.
      Fs.unlinkIfExists(target);
      Ext4Builder.build(directory, target, work, root);
      return;
    }
    if (said.contains(Errno.text(Errno.ENOSPC)) || FileSystem.of(root).freeBytes() < 1 << 20) {
      throw StoreErrors.noSpace(root, "creating the root file system");
    }
    throw CasemateException.of(
        Kind.INTERNAL,
        program
            + " failed with status "
            + ended.map(WaitStatus::exitStatus).orElse(-1)
            + ": "
            + said
            + "; erofs-utils 1.5 or later is required");
  }

  /**
   * Sets the superblock's build time to 0 (the program's own -T would do so to all files too) and
   * its checksum accordingly: fs/erofs/erofs_fs.h and erofs_superblock_csum_verify().
   */
  private static void clearBuildTime(String image) {
    try (Fd fd = Fs.open(image, OpenFlag.READ_WRITE)) {
      FileContent.seek(fd, SUPERBLOCK, 0);
      byte[] block = new byte[BLOCK - SUPERBLOCK];
      if (fd.read(block, 0, block.length) < block.length) {
        throw CasemateException.of(
            Kind.INTERNAL, "mkfs.erofs created an image smaller than a block: " + image);
      }
      Arrays.fill(block, 24, 36, (byte) 0);
      if ((block[8] & 1) != 0) {
        Arrays.fill(block, 4, 8, (byte) 0);
        CRC32C crc = new CRC32C();
        crc.update(block);
        // Linux leaves out the last inversion.
        int value = ~(int) crc.getValue();
        for (int i = 0; i < 4; i++) {
          block[4 + i] = (byte) (value >> (8 * i));
        }
      }
      FileContent.seek(fd, SUPERBLOCK, 0);
      fd.writeAll(block);
    }
  }

  private static String uuid(String chain) {
    return chain.substring(0, 8)
        + "-"
        + chain.substring(8, 12)
        + "-5"
        + chain.substring(13, 16)
        + "-8"
        + chain.substring(17, 20)
        + "-"
        + chain.substring(20, 32);
  }

  static String lastLine(String log) {
    try {
      String text = new String(FileContent.readBytes(log, 1 << 20), StandardCharsets.UTF_8).strip();
      return text.substring(text.lastIndexOf('\n') + 1);
    } catch (LinuxException e) {
      return "no message";
    }
  }
}
