package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.protocol.casemate.BootReport;
import dev.casemate.testsupport.Result;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Guests that are hostile before a container runs: the host's memory and disk stay bounded, another
 * sandbox notices nothing, and the error says what the guest did. Tests overlap.
 */
class HostileBootTest extends HostileGuestCases {
  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void whatIsNoFrame() {
    HostileGuest.assertFails(
        HostileGuest.boot("no-frame", "Boot raw " + text("GET / HTTP/1.1\r\n") + " 16", SECONDS),
        "sent data that is not ttrpc",
        "a frame's header announces 1195725856 bytes");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aFrameOfFourGigabytes() {
    HostileGuest.assertFails(
        HostileGuest.boot("huge-frame", "Boot frames 1 1 2 2 4294967295 -", SECONDS),
        "sent data that is not ttrpc",
        "a frame's header announces 4294967295 bytes");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aFrameBeyondTheLimitAndZerosForEver() {
    HostileGuest.assertFails(
        HostileGuest.boot("long-frame", "Boot frames 1 1 2 2 5242880 -, raw AA== -1", SECONDS),
        "sent a response of 5242880 bytes");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void halfAFrameAndThenSilence() {
    Result result = HostileGuest.boot("half-frame", "Boot frames 1 1 2 2 1000 QUJD", 8);
    HostileGuest.assertFails(result, "did not answer within 8 s");
    assertThat(result.millis()).isGreaterThan(8_000);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void answersToQuestionsNeverAskedForEver() {
    // The header of a response without data for stream 99.
    HostileGuest.assertFails(
        HostileGuest.boot("unasked", "Boot raw AAAAAAAAAGMCAA== -1", SECONDS),
        "frames that match no request");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void framesOfOtherTypesBeforeTheAnswer() {
    String roles =
        "Boot frames 1 501 2 1 -1 -, frames 1 501 2 3 -1 QUJD, frames 1 9 2 77 -1 -, real";
    Result result = HostileGuest.boot("types", roles, SECONDS).expect(0);
    assertThat(result.out()).isEqualTo("it runs\n");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aBootReportThatIsNone() {
    HostileGuest.assertFails(
        HostileGuest.boot("garbage", "Boot ok " + text("garbage"), SECONDS),
        "answered Boot with a malformed message");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aBootReportOfAMegabyte() {
    HostileGuest.assertFails(
        HostileGuest.boot("long-report", "Boot ok GoCAQA==:QUFBQQ==*262144", SECONDS),
        "answered Boot with 1048580 bytes; at most 262144 are accepted");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aBootReportFromAnotherTime() {
    BootReport report =
        BootReport.builder()
            .mainMicros(Long.MIN_VALUE)
            .readyMicros(Long.MAX_VALUE)
            .kernelRelease(ESCAPES)
            .agentVersion(ESCAPES)
            .machine("\0")
            .memoryTotalBytes(-1)
            .agentRssBytes(Long.MAX_VALUE)
            .build();
    Result result =
        HostileGuest.boot(
                "times", "Boot ok " + HostileGuest.base64(report.encode()), SECONDS, "--timings")
            .expect(0);
    assertThat(result.out()).isEqualTo("it runs\n");
    assertThat(result.err()).as("times before the command began").doesNotContain("-9");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aGuestThatNeverOpensItsPort() {
    Result result = HostileGuest.boot("never", "now never", 8);
    HostileGuest.assertFails(result, "did not answer within 8 s");
    assertThat(result.millis()).isBetween(8_000L, 60_000L);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aGuestThatRestartsAtOnce() {
    HostileGuest.assertFails(
        HostileGuest.boot("restarts", "now reboot", SECONDS), "the guest restarted");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aGuestThatShutsDownInsteadOfAnAnswer() {
    HostileGuest.assertFails(HostileGuest.boot("halts", "Boot halt", SECONDS), "shut down");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aConsoleThatNeverEnds() {
    String roles = "Boot console " + text(ESCAPES + "\r\n") + " -1";
    Result result = HostileGuest.boot("console", roles, 10);
    HostileGuest.assertFails(result, "did not answer within 10 s");
    assertThat(result.err()).contains("evil").hasSizeLessThan(4_000);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void refusalsWithEscapes() {
    HostileGuest.assertFails(
        HostileGuest.boot("escapes-refused", "CreateSandbox fail 13 " + text(ESCAPES), SECONDS),
        "evil");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void refusalsOfAMegabyteAndOfThree() {
    Result result =
        HostileGuest.boot("refuses-long", "CreateContainer fail 3 eA==*900000", SECONDS);
    HostileGuest.assertFails(result, "xxx");
    result = HostileGuest.boot("refuses-longer", "CreateContainer ok eA==*3000000", SECONDS);
    HostileGuest.assertFails(result, "sent a response of", "at most 1048640 are accepted");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void silenceWhenTheSandboxIsMade() {
    HostileGuest.assertFails(
        HostileGuest.boot("silent-sandbox", "CreateSandbox silent", SECONDS), "did not answer");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void silenceWhenTheContainerIsMade() {
    HostileGuest.assertFails(
        HostileGuest.boot("silent-create", "CreateContainer silent", SECONDS),
        "did not answer grpc.AgentService/CreateContainer within 30000 ms");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void silenceWhenTheContainerIsStarted() {
    HostileGuest.assertFails(
        HostileGuest.boot("silent-start", "StartContainer silent", SECONDS),
        "did not answer grpc.AgentService/StartContainer within 30000 ms");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aConnectionThatBreaksWhenTheContainerIsMade() {
    String roles = "CreateContainer raw " + text("a".repeat(20)) + " 20";
    HostileGuest.assertFails(
        HostileGuest.boot("breaks", roles, SECONDS), "sent data that is not ttrpc");
  }
}
