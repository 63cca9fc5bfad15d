package dev.casemate.cli;

import dev.casemate.containers.ContainerRecord;
import dev.casemate.containers.ContainerStore;
import dev.casemate.containers.LogEntry;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.sandbox.SandboxPaths;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/**
 * {@code casemate logs}: what a container has written, byte for byte, to our standard output and
 * error.
 */
final class LogsCommand implements Command {
  private static final int PIECE = 64 * 1024;
  private static final int LINE_LIMIT = 1 << 20;
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
    return "print what a container has written";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.flag("follow", 'f', "go on until the container ends"),
        Option.flag("timestamps", 't', "put the time before each line"),
        Option.value("tail", 'n', "LINES", "only the last lines"));
  }

  @Override
  public int run(Arguments arguments) {
    ContainerStore store = new ContainerStore(SandboxPaths.system());
    ContainerRecord record = store.find(arguments.operand("CONTAINER"));
    String path = store.paths().container(record.config().id()) + "/output.log";
    Printer printer =
        new Printer(
            arguments.has("timestamps"),
            arguments.number("tail", Integer.MAX_VALUE, 0, Integer.MAX_VALUE));
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

  private static void printFile(String path, Printer printer) {
    if (Fs.exists(path)) {
      try (Fd file = Fs.open(path, OpenFlag.READ_ONLY)) {
        drain(file, printer);
      }
    }
  }

  private static void follow(
      ContainerStore store, ContainerRecord record, String path, Printer printer, boolean follow) {
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

  private static void drain(Fd file, Printer printer) {
    byte[] piece = new byte[PIECE];
    while (true) {
      int n = file.read(piece, 0, piece.length);
      if (n <= 0) {
        return;
      }
      printer.add(piece, n);
    }
  }

  /** Takes records apart: {@code TIME STREAM F|P BYTES\n}. */
  private static final class Printer {
    private final boolean timestamps;
    private final int tail;
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private final List<byte[]> held = new ArrayList<>();
    private boolean following;

    Printer(boolean timestamps, int tail) {
      this.timestamps = timestamps;
      this.tail = tail;
    }

    void add(byte[] bytes, int length) {
      for (int i = 0; i < length; i++) {
        if (bytes[i] != '\n') {
          if (line.size() < LINE_LIMIT) {
            line.write(bytes[i]);
          }
        } else {
          keep(line.toByteArray());
          line.reset();
        }
      }
    }

    private void keep(byte[] record) {
      if (tail == Integer.MAX_VALUE || following) {
        print(record);
        return;
      }
      held.add(record);
      if (held.size() > tail) {
        held.removeFirst();
      }
    }

    void flush() {
      for (byte[] record : held) {
        print(record);
      }
      held.clear();
      following = true;
    }

    private void print(byte[] record) {
      Optional<LogEntry> parsed = LogEntry.parse(record);
      if (parsed.isEmpty()) {
        return;
      }
      LogEntry entry = parsed.get();
      (entry.isError() ? Fd.STDERR : Fd.STDOUT).writeAll(text(entry, timestamps));
    }
  }

  /** An entry as it is printed. */
  static byte[] text(LogEntry entry, boolean timestamps) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    if (timestamps) {
      out.writeBytes((entry.time() + " ").getBytes(StandardCharsets.US_ASCII));
    }
    out.writeBytes(entry.bytes());
    if (entry.endsLine()) {
      out.write('\n');
    }
    return out.toByteArray();
  }
}
