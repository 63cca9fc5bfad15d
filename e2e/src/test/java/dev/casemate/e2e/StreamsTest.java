package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Standard streams: byte for byte, however much, however slow, and to the end. */
class StreamsTest extends EndToEnd {
  private static final int MIB = 1 << 20;

  @BeforeAll
  static void start() {
    detached("streams", IMAGE, "sleep", "1000000");
  }

  @AfterAll
  static void stop() {
    remove("streams");
  }

  /** Keeps the digest and the number of bytes only. */
  private static final class Digest extends OutputStream {
    private final MessageDigest digest;
    private long count;

    Digest() {
      try {
        digest = MessageDigest.getInstance("SHA-256");
      } catch (NoSuchAlgorithmException e) {
        throw new AssertionError(e);
      }
    }

    @Override
    public synchronized void write(int b) {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public synchronized void write(byte[] bytes, int offset, int length) {
      digest.update(bytes, offset, length);
      count += length;
    }

    synchronized long count() {
      return count;
    }

    synchronized String hex() {
      return HexFormat.of().formatHex(digest.digest());
    }
  }

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  private static String sha256(byte[] bytes) {
    Digest digest = new Digest();
    digest.write(bytes, 0, bytes.length);
    return digest.hex();
  }

  @Test
  void aLotThroughARun() {
    byte[] bytes = random(16 * MIB);
    Digest digest = new Digest();
    Result result =
        call("run", "-i", "--rm", IMAGE, "cat").input(bytes).sink(digest).timeout(600).run();
    result.expect(0);
    assertThat(digest.count()).as(result.toString()).isEqualTo(bytes.length);
    assertThat(digest.hex()).isEqualTo(sha256(bytes));
  }

  @Test
  void bothOutputsOfAnExec() {
    byte[] bytes = random(3 * MIB + 17);
    Result result =
        call("exec", "-i", "streams", "sh", "-c", "tee /dev/stderr")
            .input(bytes)
            .timeout(300)
            .run();
    result.expect(0);
    assertThat(sha256(result.stdout())).isEqualTo(sha256(bytes));
    assertThat(sha256(result.stderr())).isEqualTo(sha256(bytes));
  }

  @Test
  void outputsAreKeptApart() {
    Result result = script("streams", "echo out; echo err >&2; printf 'no newline'").expect(0);
    assertThat(result.out()).isEqualTo("out\nno newline");
    assertThat(result.err()).isEqualTo("err\n");
  }

  @Test
  void withoutInteractiveThereIsNoInput() {
    Running running = call("exec", "streams", "sh", "-c", "cat; echo end").openInput().start();
    running.type("not for you\n");
    assertThat(running.await(Casemate.TIMEOUT_SECONDS).expect(0).out()).isEqualTo("end\n");
  }

  @Test
  void inputThatStaysOpen() {
    Running running =
        call("exec", "-i", "streams", "sh", "-c", "echo ready; read x; echo got $x; exit 4")
            .openInput()
            .start();
    running.awaitOutput("ready", Casemate.TIMEOUT_SECONDS);
    running.type("this\n");
    assertThat(running.await(Casemate.TIMEOUT_SECONDS).expect(4).out())
        .isEqualTo("ready\ngot this\n");
  }

  @Test
  void inputThatNobodyReads() {
    Result result =
        call("exec", "-i", "streams", "sh", "-c", "echo done").input(random(5 * MIB)).run();
    assertThat(result.expect(0).out()).isEqualTo("done\n");
  }

  @Test
  void aReaderThatTakesItsTime() {
    // What the workload has written before its end must arrive, however late it is read.
    Result result =
        Shell.run(
            Casemate.shellWords(
                    "exec", "streams", "dd", "if=/dev/zero", "bs=300000", "count=1", "status=none")
                + " | (sleep 8; wc -c)");
    assertThat(result.out().strip()).isEqualTo("300000");
  }

  @Test
  void aReaderThatGoesAway() {
    Result result =
        Shell.result(
            Casemate.shellWords("run", "--rm", IMAGE, "yes") + " | head -1; echo ${PIPESTATUS[0]}");
    assertThat(result.out()).as(result.toString()).isEqualTo("y\n141\n");
    result =
        Shell.result(
            Casemate.shellWords("exec", "streams", "yes") + " | head -1; echo ${PIPESTATUS[0]}");
    assertThat(result.out()).as(result.toString()).isEqualTo("y\n141\n");
    Wait.until(
        Casemate.TIMEOUT_SECONDS,
        "yes to end",
        () -> !script("streams", "ps").out().contains(" yes"));
  }

  @Test
  void outputWithoutEndStaysBounded() {
    Digest digest = new Digest();
    int pieces = 640;
    Running running =
        call(
                "run",
                "--name",
                "loud",
                IMAGE,
                "sh",
                "-c",
                "yes 0123456789abcdef | dd bs=65536 iflag=fullblock count=" + pieces)
            .sink(digest)
            .start();
    long most = 0;
    while (!running.ended(200)) {
      for (int pid : Traces.pids()) {
        if (Traces.commandLine(pid).startsWith("casemate-sandbox")) {
          most = Math.max(most, residentKib(pid));
        }
      }
    }
    running.await(Casemate.TIMEOUT_SECONDS).expect(0);
    assertThat(digest.count()).isEqualTo(pieces * 65536L);
    assertThat(most).as("KiB of the sandbox process").isBetween(1L, 100_000L);
    assertThat(logSize()).isLessThan(32L * MIB);
    Digest logs = new Digest();
    call("logs", "loud").sink(logs).run().expect(0);
    assertThat(logs.count()).isBetween(1L * MIB, 32L * MIB);
    remove("loud");
  }

  private static long residentKib(int pid) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
        if (line.startsWith("VmRSS:")) {
          return Long.parseLong(line.replaceAll("[^0-9]", ""));
        }
      }
    } catch (IOException e) {
      // It has ended.
    }
    return 0;
  }

  private static long logSize() {
    try (Stream<Path> files = Files.walk(Casemate.STATE.resolve("containers"))) {
      return files
          .filter(file -> file.getFileName().toString().startsWith("output.log"))
          .mapToLong(file -> file.toFile().length())
          .sum();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void manyExecsAtOnce() {
    List<Running> all =
        Stream.iterate(0, i -> i + 1)
            .limit(8)
            .map(i -> call("exec", "streams", "sh", "-c", "seq 2000; exit " + i).start())
            .toList();
    for (int i = 0; i < all.size(); i++) {
      assertThat(all.get(i).await(Casemate.TIMEOUT_SECONDS).expect(i).out()).hasLineCount(2000);
    }
  }
}
