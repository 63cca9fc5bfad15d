package dev.casemate.cli;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.fuzz.TempFile;
import dev.casemate.linux.FileContent;
import dev.casemate.sandbox.ContainerLogs;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A container's log: what the workload has written comes back, and a file that a crash has damaged
 * gives no more than is in it.
 */
@Fuzzes(LogPrinter.class)
public final class LogPrinterFuzz {
  private static final TempFile LOG = new TempFile("output.log");
  private static final int MOST = 1 << 20;

  private LogPrinterFuzz() {}

  /** What has been printed to either stream, and in how many records. */
  private static final class Printed {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private int records;

    private LogPrinter printer(boolean timestamps, int tail) {
      return new LogPrinter(timestamps, tail, bytes -> add(out, bytes), bytes -> add(err, bytes));
    }

    private void add(ByteArrayOutputStream stream, byte[] bytes) {
      records++;
      stream.writeBytes(bytes);
    }
  }

  public static synchronized void fuzzerTestOneInput(byte[] data) throws Exception {
    Input input = new Input(data);
    int mode = input.next();
    int piece = 1 + input.next();
    byte[] rest = input.rest();
    if ((mode & 1) == 0) {
      roundTrip(new Input(rest), piece);
    } else {
      damaged(rest, piece, (mode & 2) != 0, mode >> 2);
    }
  }

  private static void roundTrip(Input output, int piece) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Files.deleteIfExists(Path.of(LOG.directory(), "output.log"));
    String path = LOG.directory() + "/output.log";
    ContainerLogs.write(
        path,
        log -> {
          while (output.hasMore()) {
            boolean error = (output.next() & 1) != 0;
            byte[] bytes = output.piece();
            (error ? err : out).writeBytes(bytes);
            log.piece(error, bytes);
          }
        });
    Printed printed = print(FileContent.readBytes(path, MOST), piece, false, Integer.MAX_VALUE);
    Expect.same(out.toByteArray(), printed.out.toByteArray());
    Expect.same(err.toByteArray(), printed.err.toByteArray());
  }

  private static void damaged(byte[] file, int piece, boolean timestamps, int tail) {
    Printed whole = print(file, file.length + 1, timestamps, Integer.MAX_VALUE);
    Printed pieces = print(file, piece, timestamps, Integer.MAX_VALUE);
    Expect.same(whole.out.toByteArray(), pieces.out.toByteArray());
    Expect.same(whole.err.toByteArray(), pieces.err.toByteArray());
    Expect.that(whole.out.size() + whole.err.size() <= file.length, "more than the file has");
    Printed last = print(file, piece, timestamps, tail);
    Expect.that(last.records <= tail, "records ", last.records, " of ", tail);
    ends(whole.out.toByteArray(), last.out.toByteArray());
    ends(whole.err.toByteArray(), last.err.toByteArray());
  }

  private static void ends(byte[] all, byte[] end) {
    Expect.that(end.length <= all.length, "the end is longer than all");
    Expect.same(Arrays.copyOfRange(all, all.length - end.length, all.length), end);
  }

  private static Printed print(byte[] file, int piece, boolean timestamps, int tail) {
    Printed printed = new Printed();
    LogPrinter printer = printed.printer(timestamps, tail);
    for (int at = 0; at < file.length; at += piece) {
      byte[] part = Arrays.copyOfRange(file, at, Math.min(file.length, at + piece));
      printer.add(part, part.length);
    }
    printer.flush();
    return printed;
  }
}
