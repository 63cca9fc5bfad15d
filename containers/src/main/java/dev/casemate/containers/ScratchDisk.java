package dev.casemate.containers;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.WaitStatus;
import dev.casemate.sandbox.SandboxPaths;
import java.util.List;

/**
 * The disk that takes what a container writes: an ext4 file system in a sparse file. It is
 * formatted once per size and then copied, hole for hole, because mkfs has no place on the way to
 * the first byte.
 */
final class ScratchDisk {
  private static final String SEARCH_PATH = "/usr/sbin:/sbin:/usr/bin:/bin";

  private ScratchDisk() {}

  /** Makes a disk of {@code sizeMib} at {@code path}. */
  static void create(SandboxPaths paths, int sizeMib, String path) {
    String template = paths.cache() + "/scratch-v2-" + sizeMib + "m.ext4";
    if (!Fs.exists(template)) {
      format(paths, sizeMib, template);
    }
    try {
      FileContent.copySparse(template, path, 0600);
    } catch (LinuxException e) {
      Fs.unlinkIfExists(path);
      throw failed(paths, e);
    }
  }

  /** What helps depends on what failed. */
  static CasemateException failed(SandboxPaths paths, LinuxException e) {
    boolean full = e.errno() == Errno.ENOSPC || e.errno() == Errno.EDQUOT;
    return CasemateException.of(
        full ? Kind.RESOURCE_EXHAUSTED : Kind.INTERNAL,
        "cannot make the container's scratch disk: "
            + e.getMessage()
            + (full
                ? "; free some space below " + paths.state()
                : "; check the file system of "
                    + paths.state()
                    + ", or do without the disk: --scratch 0"),
        e);
  }

  private static void format(SandboxPaths paths, int sizeMib, String template) {
    String mkfs = Spawn.find("mkfs.ext4", SEARCH_PATH);
    if (mkfs.isEmpty()) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "mkfs.ext4, which formats scratch disks, is not installed; run: apt-get install e2fsprogs");
    }
    FileTree.makeDirectories(paths.cache(), 0700);
    String temporary = FileContent.temporaryName(template);
    try (Fd file = Fs.open(temporary, OpenFlag.WRITE_ONLY | OpenFlag.CREATE, 0600)) {
      FileContent.truncate(file, (long) sizeMib << 20);
    }
    try (Fd nothing = Fs.open("/dev/null", OpenFlag.READ_WRITE)) {
      // No journal and no checksums: the disk dies with its container. Lazy tables and few inodes:
      // little to copy and to read.
      int pid =
          Spawn.program(
                  mkfs,
                  List.of(
                      "mkfs.ext4",
                      "-q",
                      "-F",
                      "-m",
                      "0",
                      "-O",
                      "^has_journal,^resize_inode,^metadata_csum,^64bit,uninit_bg,sparse_super2",
                      "-i",
                      "65536",
                      "-E",
                      "lazy_itable_init=1,nodiscard,root_owner=0:0",
                      temporary))
              .stdio(nothing, nothing, Fd.STDERR)
              .start();
      WaitStatus status = Processes.waitFor(pid, 0).orElseThrow();
      if (status.exitStatus() != 0) {
        throw CasemateException.of(
            Kind.INTERNAL,
            "mkfs.ext4 failed with status "
                + status.exitStatus()
                + " for "
                + temporary
                + "; check that there is free space below "
                + paths.state());
      }
      Fs.rename(temporary, template);
    } finally {
      Fs.unlinkIfExists(temporary);
    }
  }
}
