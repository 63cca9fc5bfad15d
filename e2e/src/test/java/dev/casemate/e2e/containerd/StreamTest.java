package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.e2e.engine.Places;
import dev.casemate.linux.Signals;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

/** Standard input and output through FIFOs, and terminals. */
final class StreamTest extends EveryLineCases {
  /** A hundred times what all buffers on the way hold; a gibibyte took one to five minutes. */
  private static final long BIG_OUTPUT = 64 << 20;

  /** Counts, and sums up, what passes. */
  private static final class Sum extends OutputStream {
    final AtomicLong count = new AtomicLong();
    final CRC32C crc = new CRC32C();

    @Override
    public void write(int b) {
      throw new UnsupportedOperationException();
    }

    @Override
    public synchronized void write(byte[] bytes, int offset, int length) {
      crc.update(bytes, offset, length);
      count.addAndGet(length);
    }
  }

  @Test
  void aBigOutputArrivesByteForByte() {
    Sum sum = new Sum();
    String line =
        "0123456789abcdefghijklmnopqrstuvwxyz The quick brown fox jumps over the lazy dog";
    int lines = 10_000;
    long pieces = BIG_OUTPUT / (lines * (line.length() + 1L)) + 1;
    // Made once: it is the way out that is to be busy, not the workload.
    String script =
        """
        yes '%s' | head -n %d > /dev/shm/piece
        i=0
        while [ $i -lt %d ]; do cat /dev/shm/piece; i=$((i+1)); done
        """
            .formatted(line, lines, pieces);
    engine().run("--rm", IMAGE, fresh("big"), "sh", "-c", script).sink(sum).timeout(900).ok();
    long bytes = pieces * lines * (line.length() + 1L);
    assertThat(sum.count.get()).isEqualTo(bytes);
    assertThat(sum.crc.getValue()).isEqualTo(expected(line + "\n", bytes));
  }

  private static long expected(String line, long count) {
    byte[] bytes = line.repeat(1000).getBytes(StandardCharsets.UTF_8);
    CRC32C crc = new CRC32C();
    for (long left = count; left > 0; left -= bytes.length) {
      crc.update(bytes, 0, (int) Math.min(left, bytes.length));
    }
    return crc.getValue();
  }

  @Test
  void standardInputArrivesAndEnds() {
    byte[] bytes = new byte[6_000_000];
    new java.util.Random(1).nextBytes(bytes);
    String id = fresh("stdin");
    Result result =
        engine().run("--rm", IMAGE, id, "sh", "-c", "md5sum; echo ended").input(bytes).run();
    result.expect(0);
    assertThat(result.out()).isEqualTo(md5(bytes) + "  -\nended\n");
  }

  @Test
  void execs() {
    String id = detached("execin", "sleep", "1000");
    byte[] bytes = new byte[3_000_001];
    new java.util.Random(2).nextBytes(bytes);
    assertThat(engine().exec(id, "md5sum").input(bytes).ok().out()).isEqualTo(md5(bytes) + "  -\n");
    assertThat(engine().exec(id, "cat").input(bytes).ok().stdout()).isEqualTo(bytes);
    try (Running shell = engine().exec(List.of("-t"), id, "sh").inTerminal().openInput().start()) {
      Wait.millis(500);
      shell.type("tty && echo is-a-$((40+2))-tty\n");
      shell.awaitOutput("is-a-42-tty", SECONDS);
      shell.type("stty size\n");
      shell.awaitOutput("33 99", SECONDS);
      shell.type("exit 4\n");
      assertThat(shell.await(SECONDS).exit()).isEqualTo(4);
    }
    remove(id);
  }

  @Test
  void attachToATask() {
    String id =
        detached(
            "attach",
            "sh",
            "-c",
            "trap 'echo told; exit 8' TERM; while :; do echo tick; sleep 0.1; done");
    try (Running attached = ctr("task", "attach", id).openInput().start()) {
      attached.awaitOutput("tick\ntick\n", SECONDS);
      // ctr hands its own signals on.
      attached.signal(Signals.TERM);
      Result result = attached.await(SECONDS);
      assertThat(result.exit()).isEqualTo(8);
      assertThat(result.out()).endsWith("told\n");
    }
    remove(id);
  }

  @Test
  void attachToATerminal() {
    String id = fresh("attachtty");
    engine().run("-d", "-t", IMAGE, id, "sh").inTerminal().ok();
    try (Running attached = ctr("task", "attach", id).inTerminal().openInput().start()) {
      Wait.millis(500);
      attached.type("tty && echo is-a-$((40+2))-tty\n");
      attached.awaitOutput("is-a-42-tty", SECONDS);
      attached.type("until stty size | grep '33 99'; do sleep 0.1; done\n");
      attached.awaitOutput("\n33 99", SECONDS);
      attached.type("exit 6\n");
      assertThat(attached.await(SECONDS).exit()).isEqualTo(6);
    }
    remove(id);
  }

  private static String md5(byte[] bytes) {
    try {
      return java.util.HexFormat.of()
          .formatHex(java.security.MessageDigest.getInstance("MD5").digest(bytes));
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aReaderThatStandsStillHoldsUpNobodyElse() {
    String id = fresh("stuck");
    try (Running reader =
        engine()
            .run(IMAGE, id, "sh", "-c", "yes filled-up | head -c 30000000; echo; echo all")
            .start()) {
      awaitStatus(id, "RUNNING");
      reader.awaitOutput("filled-up", SECONDS);
      reader.signal(Signals.STOP);
      String other = detached("beside", "sleep", "1000");
      assertThat(script(other, "echo free").expect(0).out()).isEqualTo("free\n");
      assertThat(script(id, "echo inside").expect(0).out()).isEqualTo("inside\n");
      assertThat(status(id)).isEqualTo("RUNNING");
      remove(other);
      reader.signal(Signals.CONT);
      Result result = reader.await(SECONDS);
      result.expect(0);
      assertThat(result.stdout().length).isEqualTo(30_000_000 + "\nall\n".length());
      assertThat(result.out()).endsWith("\nall\n");
    }
    remove(id);
  }

  @Test
  void aReaderThatVanishesCanBeCleanedUpAfter() {
    String id = fresh("vanish");
    try (Running reader = engine().run(IMAGE, id, "sh", "-c", "yes flood").start()) {
      reader.awaitOutput("flood", SECONDS);
      reader.signal(Signals.KILL);
      assertThat(reader.ended(10_000)).isTrue();
    }
    assertThat(status(id)).isEqualTo("RUNNING");
    assertThat(script(id, "echo answers").expect(0).out()).isEqualTo("answers\n");
    remove(id);
    // The FIFOs were the client's, who was killed.
    engine().removeFifos();
  }

  @Test
  void runInATerminal() {
    Result result =
        engine()
            .run(
                "-t",
                "--rm",
                IMAGE,
                fresh("tty"),
                "sh",
                "-c",
                "tty; until stty size | grep '33 99'; do sleep 0.1; done; echo err >&2; exit 5")
            .inTerminal()
            .run();
    result.expect(5);
    assertThat(result.out())
        .as(result.toString())
        .contains("/dev/")
        .contains("33 99")
        .contains("err");
  }

  @Test
  void logsToAFile() throws Exception {
    Path file = Places.fresh("logs").resolve(fresh("a log+"));
    String id =
        detached(
            "log",
            List.of("--log-uri", "file://" + file.toString().replace(" ", "%20")),
            "sh",
            "-c",
            "echo line-out; echo line-err >&2; exec sleep 1000");
    Wait.until(
        SECONDS,
        "both lines in " + file,
        () ->
            Files.exists(file)
                && read(file).contains("line-out\n")
                && read(file).contains("line-err\n"));
    remove(id);
  }

  @Test
  void logsToAProgram() throws Exception {
    Path directory = Places.fresh("logger");
    Path logger = directory.resolve("a logger+");
    Files.writeString(
        logger,
        """
        #!/bin/sh
        cd "${0%/*}"
        echo "$CONTAINER_ID $CONTAINER_NAMESPACE $*" > called
        # Its parent ends at once: left to the shim, to be waited for.
        (sleep 0.5 3<&- 4<&- 5>&- & echo $! > orphan)
        exec 5>&-
        cat <&3 > out &
        cat <&4 > err &
        wait
        """);
    Files.setPosixFilePermissions(logger, PosixFilePermissions.fromString("rwx------"));
    String uri = "binary://" + logger.toString().replace(" ", "%20") + "?key=a+value";
    String id =
        detached(
            "logger",
            List.of("--log-uri", uri),
            "sh",
            "-c",
            "echo line-out; echo line-err >&2; exec sleep 1000");
    assertThat(read(directory.resolve("called"))).startsWith(id + " ").endsWith(" key a value\n");
    Wait.until(
        SECONDS,
        "both lines in " + directory,
        () ->
            read(directory.resolve("out")).equals("line-out\n")
                && read(directory.resolve("err")).equals("line-err\n"));
    Path orphan = Path.of("/proc", read(directory.resolve("orphan")).strip());
    Wait.until(SECONDS, orphan + " to be waited for", () -> !Files.exists(orphan));
    remove(id);
    Wait.until(SECONDS, "the logger's end", () -> pids("a logger[+]").isEmpty());
    Files.writeString(logger, "#!/bin/sh\nexit 3\n");
    if (VM) {
      // containerd's own shim takes the end of a logger for its being ready.
      String failing = fresh("logger");
      Result refused = engine().run("-d", "--log-uri", uri, IMAGE, failing, "true").run();
      assertThat(refused.exit()).isNotZero();
      assertThat(refused.err()).contains("ended with status 3 before it was ready");
      ctr("container", "delete", failing).run();
    }
  }

  @Test
  void aLogProgramThatIsNotThereIsAnError() {
    String id = fresh("nologger");
    Result refused =
        engine().run("-d", "--log-uri", "binary:///no/such/logger", IMAGE, id, "true").run();
    assertThat(refused.exit()).isNotZero();
    assertThat(refused.err()).contains("/no/such/logger");
    ctr("container", "delete", id).ok();
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
