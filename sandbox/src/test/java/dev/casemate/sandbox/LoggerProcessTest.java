package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Fd;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Shell scripts as loggers. */
@Timeout(60)
class LoggerProcessTest {
  @TempDir Path directory;

  private LogUri script(String body, String... arguments) throws IOException {
    Path script = directory.resolve("log ger");
    Files.writeString(script, "#!/bin/sh\ncd '" + directory + "'\n" + body + "\n");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
    return new LogUri(script.toString(), List.of(arguments));
  }

  private String read(String name) throws IOException {
    return Files.readString(directory.resolve(name));
  }

  private static void write(Fd fd, String text) {
    fd.writeAll(text.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void takesBothStreamsToTheirEnds() throws IOException {
    LogUri uri =
        script(
            "echo \"$@\" > args; env > env; exec 5>&-; cat <&3 > out & cat <&4 > err; wait",
            "k",
            "v w");
    LoggerProcess logger = LoggerProcess.start(uri, "c1", "ns");
    write(logger.stdout(), "to out\n");
    write(logger.stderr(), "to err\n");
    logger.close();
    assertThat(read("out")).isEqualTo("to out\n");
    assertThat(read("err")).isEqualTo("to err\n");
    assertThat(read("args")).isEqualTo("k v w\n");
    assertThat(read("env").lines())
        .contains("CONTAINER_ID=c1", "CONTAINER_NAMESPACE=ns")
        .noneMatch(line -> line.startsWith("HOME="));
  }

  @Test
  void aByteSaysReadyToo() throws IOException {
    LogUri uri = script("echo >&5; cat <&3 > out");
    LoggerProcess logger = LoggerProcess.start(uri, "c1", "ns", 5_000);
    write(logger.stdout(), "x");
    logger.close();
    assertThat(read("out")).isEqualTo("x");
  }

  @Test
  void isNotWaitedForForEver() throws Exception {
    LogUri uri = script("echo $$ > pid; sleep 1000");
    assertThatThrownBy(() -> LoggerProcess.start(uri, "c1", "ns", 500))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("log ger did not report that it is ready within 500 ms");
    Path process = Path.of("/proc", read("pid").strip());
    Wait.until(20, "the logger's end", () -> !Files.exists(process));
  }

  @Test
  void oneThatFailsAtOnceIsNotTakenForReady() throws IOException {
    assertThatThrownBy(() -> LoggerProcess.start(script("exit 7"), "c1", "ns"))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("ended with status 7 before it was ready");
    assertThatThrownBy(
            () -> LoggerProcess.start(new LogUri("/nowhere/logger", List.of()), "c1", "ns"))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("/nowhere/logger");
  }

  @Test
  void oneThatLeavesAChildBehindIsReady() throws IOException {
    LogUri uri = script("cat <&3 > out 5>&- & exit 0");
    LoggerProcess logger = LoggerProcess.start(uri, "c1", "ns");
    write(logger.stdout(), "for the child");
    logger.close();
  }

  @Test
  void filesAreNamedByDecodedPaths() throws IOException {
    String uri = "file://" + directory + "/deep/a%20file+";
    Stdio stdio = new Stdio("", uri, uri, false, Optional.of("ns"));
    try (Outputs outputs = Outputs.open(stdio, "c1")) {
      write(outputs.stdout().orElseThrow(), "one\n");
      write(outputs.stderr().orElseThrow(), "two\n");
    }
    assertThat(read("deep/a file+")).isEqualTo("one\ntwo\n");
  }

  @Test
  void atATerminalStandardErrorEndsAtOnce() throws Exception {
    LogUri uri = script("exec 5>&-; cat <&4 > err; echo over > over; cat <&3 > out");
    String text = "binary://" + uri.path().replace(" ", "%20");
    Stdio stdio = new Stdio("", text, text, true, Optional.of("ns"));
    try (Outputs outputs = Outputs.open(stdio, "c1")) {
      Wait.until(20, "the logger to see it", () -> Files.exists(directory.resolve("over")));
      write(outputs.stdout().orElseThrow(), "terminal\n");
    }
    assertThat(read("out")).isEqualTo("terminal\n");
  }
}
