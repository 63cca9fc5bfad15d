package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.Descriptors;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileSystem;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.Tty;
import dev.casemate.oci.ProcessSpec;

/** A process's terminal: of the container's own devpts, its master goes to the engine. */
final class Terminals {
  private static final String CONSOLE = "/dev/console";

  /** DEVPTS_SUPER_MAGIC of linux/magic.h. */
  private static final long DEVPTS_MAGIC = 0x1cd1;

  private static final int SIDE_LIMIT = 0xffff;

  private Terminals() {}

  /**
   * Opens a terminal, makes it the controlling one and the standard streams, and gives its master
   * away.
   *
   * @param ptmx path of the container's ptmx
   * @return the terminal
   */
  static Fd attach(String ptmx, ProcessSpec process, SyncChannel channel) {
    Tty.Pair pair;
    try {
      pair = Tty.open(ptmx);
    } catch (LinuxException e) {
      throw Failures.of("opening a terminal in the container (it needs a devpts on /dev/pts)", e);
    }
    ProcessSpec.ConsoleSize size = process.consoleSize().orElse(null);
    if (size != null
        && size.width() > 0
        && size.height() > 0
        && size.width() <= SIDE_LIMIT
        && size.height() <= SIDE_LIMIT) {
      Tty.resize(pair.master(), new Tty.Size(size.width(), size.height()));
    }
    channel.sendTerminal(pair.master());
    pair.master().close();
    Tty.control(pair.slave());
    Descriptors.standardStreams(pair.slave());
    return pair.slave();
  }

  /**
   * Puts the terminal on {@code /dev/console}. Where no mount covers {@code /dev}, both names are
   * the image's: a link there would lead the mount to any file, those in {@code /proc} too.
   */
  static void bindConsole(Fd terminal, RootPaths paths) {
    try (Fd target = paths.fileWithoutLinks(CONSOLE, 0600);
        Fd tree = Mounts.openTree(terminal, "", Mounts.OPEN_TREE_CLONE)) {
      if (ProcMounts.isProc(target)) {
        throw Failures.invalid(
            CONSOLE + " is inside of a /proc, where the terminal may not be mounted");
      }
      Mounts.moveMount(tree, target);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ELOOP) {
        throw Failures.invalid(
            CONSOLE
                + " is a symbolic link in the image, or lies below one, and the terminal is not"
                + " mounted through links; remove the link, or mount a tmpfs on /dev");
      }
      throw Failures.of("mounting the terminal on " + CONSOLE, e);
    }
  }

  /** Whether a file is on a devpts: the image could have one of this name. */
  static boolean isPty(Fd file) {
    return FileSystem.of(file.procPath()).type() == DEVPTS_MAGIC;
  }
}
