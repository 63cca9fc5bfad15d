package dev.casemate.cli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Option;
import dev.casemate.containers.ContainerRecord;
import dev.casemate.containers.ContainerStore;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.sandbox.SandboxPaths;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * {@code casemate logs}: what a container has written, byte for byte, to our standard output and
 * error.
 */
final class LogsCommand implements Command {
  private static final int PIECE = 64 * 1024;
  private static final long POLL_NANOS = 50_000_000L;

  @Override
  public String name() {
    return "logs";
  }

  @Override
  public String usage() {
    return "CONTAINER";
  }

  @Override
  public String summary() {
    return "print the output of a container";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.flag("follow", 'f', "follow the output until the container ends"),
        Option.flag("timestamps", 't', "print the time before each line"),
        Option.value("tail", 'n', "LINES", "print only the last LINES lines"));
  }

  @Override
  public int run(Arguments arguments) {
    ContainerStore store = new ContainerStore(SandboxPaths.system());
    ContainerRecord record = store.find(arguments.operand("CONTAINER"));
    String path = store.paths().container(record.config().id()) + "/output.log";
    LogPrinter printer =
        new LogPrinter(
            arguments.has("timestamps"),
            arguments.number("tail", Integer.MAX_VALUE, 0, Integer.MAX_VALUE),
            Fd.STDOUT::writeAll,
            Fd.STDERR::writeAll);
    try {
      printFile(path + ".1", printer);
      follow(store, record, path, printer, arguments.has("follow"));
    } catch (LinuxException e) {
      if (e.errno() != Errno.EPIPE) {
        throw e;
      }
    }
    return 0;
  }

  private static void printFile(String path, LogPrinter printer) {
    if (Fs.exists(path)) {
      try (Fd file = Fs.open(path, OpenFlag.READ_ONLY)) {
        drain(file, printer);
      }
    }
  }

  private static void follow(
      ContainerStore store,
      ContainerRecord record,
      String path,
      LogPrinter printer,
      boolean follow) {
    while (!Fs.exists(path)) {
      if (!follow || store.load(record.config().id()).filter(r -> r.state().alive()).isEmpty()) {
        printer.flush();
        return;
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
    Fd file = Fs.open(path, OpenFlag.READ_ONLY);
    try {
      while (true) {
        // Looked at before reading: what was written until then is read below.
        boolean alive =
            follow && store.load(record.config().id()).filter(r -> r.state().alive()).isPresent();
        drain(file, printer);
        if (!alive) {
          printer.flush();
          return;
        }
        printer.flush();
        if (Fs.statIfExists(path).map(now -> now.inode()).orElse(0L) != Fs.stat(file).inode()) {
          drain(file, printer);
          file.close();
          file = Fs.open(path, OpenFlag.READ_ONLY);
        } else {
          LockSupport.parkNanos(POLL_NANOS);
        }
      }
    } finally {
      file.close();
    }
  }

  private static void drain(Fd file, LogPrinter printer) {
    byte[] piece = new byte[PIECE];
    while (true) {
      int n = file.read(piece, 0, piece.length);
      if (n <= 0) {
        return;
      }
      printer.add(piece, n);
    }
  }
}
