package dev.casemate.cell;

import dev.casemate.linux.Descriptors;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.Tty;
import dev.casemate.oci.ProcessSpec;

/** A process's terminal: of the container's own devpts, its master goes to the engine. */
final class Terminals {
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

  /** Puts the terminal on {@code /dev/console}. */
  static void bindConsole(Fd terminal, RootPaths paths) {
    try (Fd target = paths.file("/dev/console", 0600);
        Fd tree = Mounts.openTree(terminal, "", Mounts.OPEN_TREE_CLONE)) {
      Mounts.moveMount(tree, target);
    } catch (LinuxException e) {
      throw Failures.of("mounting the terminal on /dev/console", e);
    }
  }
}
