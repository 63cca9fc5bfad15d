package dev.casemate.image;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.Stat;
import dev.casemate.linux.WaitStatus;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * Makes an ext4 image of a directory with {@code mkfs.ext4 -d}, for the few that {@code mkfs.erofs}
 * cannot put into an image. The tree is the directory {@value #TOP} of the file system, whose own
 * root has what mkfs makes there.
 */
final class Ext4Builder {
  static final String TOP = "root";

  private static final String SEARCH_PATH = "/usr/sbin:/sbin:/usr/bin:/bin";
  private static final int LONGEST_EROFS_NAME = 254;
  private static final int BLOCK = 4096;
  private static final long SPARE = 64L << 20;

  private Ext4Builder() {}

  private static final class Sum {
    private long bytes;
    private long inodes;
    private int longestName;
  }

  /** Whether a tree has a name that {@code mkfs.erofs} before 1.6 cannot write. */
  static boolean isNeeded(String directory) {
    return sum(directory).longestName > LONGEST_EROFS_NAME;
  }

  /**
   * Writes the image.
   *
   * @param directory the tree, which is moved to another place in {@code work}
   * @param work a directory of the same file system, for messages and for the tree
   */
  static void build(String directory, String target, String work, String root) {
    String program = Spawn.find("mkfs.ext4", SEARCH_PATH);
    if (program.isEmpty()) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "a file name of the image has 255 bytes: mkfs.erofs cannot write it, and mkfs.ext4, which"
              + " can, is missing; install it: apt-get install e2fsprogs");
    }
    Sum sum = sum(directory);
    String parent = work + "/ext4";
    Fs.makeDirectory(parent, 0700);
    Fs.rename(directory, parent + "/" + TOP);
    // Holes cost nothing: rather too large than too small.
    long size = (2 * sum.bytes + 3L * BLOCK * sum.inodes + SPARE) / BLOCK * BLOCK;
    try (Fd image =
        Fs.open(target, OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE, 0600)) {
      FileContent.truncate(image, size);
    }
    String log = work + "/mkfs.log";
    int pid;
    try (Fd in = Fs.open("/dev/null", OpenFlag.READ_ONLY);
        Fd out = Fs.open(log, OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.TRUNCATE, 0600)) {
      pid =
          Spawn.program(
                  program,
                  List.of(
                      "mkfs.ext4",
                      "-q",
                      "-F",
                      "-m",
                      "0",
                      "-O",
                      "^has_journal,^resize_inode",
                      "-N",
                      Long.toString(sum.inodes + 1024),
                      "-E",
                      "nodiscard,lazy_itable_init=1,root_owner=0:0",
                      "-d",
                      parent,
                      target))
              .stdio(in, out, out)
              .start();
    }
    int status = Processes.waitFor(pid, 0).map(WaitStatus::exitStatus).orElse(-1);
    if (status != 0) {
      String said = ErofsBuilder.lastLine(log);
      if (said.contains(Errno.text(Errno.ENOSPC))) {
        throw StoreErrors.noSpace(root, "making the root file system");
      }
      throw CasemateException.of(
          Kind.INTERNAL, program + " failed with status " + status + ": " + said);
    }
  }

  private static Sum sum(String directory) {
    Sum sum = new Sum();
    try (Fd top = Fs.open(directory, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY)) {
      add(top, sum);
    }
    return sum;
  }

  private static void add(Fd directory, Sum sum) {
    for (String name : Fs.list(directory)) {
      Stat stat = Fs.lstatAt(directory, name);
      sum.inodes++;
      sum.bytes += Math.min(stat.blocks() * 512, stat.size() + BLOCK) + BLOCK;
      sum.longestName = Math.max(sum.longestName, name.getBytes(StandardCharsets.UTF_8).length);
      if (stat.isDirectory()) {
        int flags = OpenFlag.READ_ONLY | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW;
        try (Fd child = Fs.openAt(directory, name, flags, 0)) {
          add(child, sum);
        }
      }
    }
  }

  /**
   * The directory of an image in which the root file system is: empty for an EROFS image.
   *
   * @param image path of a file that {@link ErofsBuilder} has made
   */
  static Optional<String> top(String image) {
    byte[] magic = new byte[2];
    try (Fd file = Fs.open(image, OpenFlag.READ_ONLY)) {
      // fs/ext4/ext4.h: s_magic at byte 56 of the superblock.
      FileContent.seek(file, 1024 + 56, 0);
      boolean ext4 =
          file.read(magic, 0, 2) == 2 && (magic[0] & 0xff) == 0x53 && (magic[1] & 0xff) == 0xef;
      return ext4 ? Optional.of(TOP) : Optional.empty();
    }
  }
}
