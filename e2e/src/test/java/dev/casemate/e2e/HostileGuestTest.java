package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.protocol.agent.CgroupStats;
import dev.casemate.protocol.agent.CpuStats;
import dev.casemate.protocol.agent.CpuUsage;
import dev.casemate.protocol.agent.ListProcessesResponse;
import dev.casemate.protocol.agent.MemoryData;
import dev.casemate.protocol.agent.MemoryStats;
import dev.casemate.protocol.agent.NetworkStats;
import dev.casemate.protocol.agent.PidsStats;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.agent.WaitProcessResponse;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Guests that become hostile when a container runs: the host's memory, disk and CPU stay bounded,
 * another sandbox notices nothing, the error says what the guest did, and removal leaves nothing.
 * Tests overlap.
 */
class HostileGuestTest extends HostileGuestCases {
  private static String processes(String json) {
    return HostileGuest.base64(
        ListProcessesResponse.builder()
            .processList(json.getBytes(StandardCharsets.UTF_8))
            .build()
            .encode());
  }

  private static Result run(String... words) {
    return Casemate.run(words);
  }

  /** A command that succeeds or fails, but in order. */
  private static Result orderly(String... words) {
    Result result = run(words);
    HostileGuest.assertPrintable(result);
    return result;
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void figuresThatCannotBe() {
    try (HostileGuest guest = HostileGuest.start("figures", "")) {
      guest.play("StatsContainer ok " + text("garbage"));
      Result garbage = orderly("stats", guest.name());
      assertThat(garbage.out()).contains("figures");
      guest.play("StatsContainer ok EgA=*200000");
      orderly("stats", guest.name());
      CpuUsage cpu = CpuUsage.builder().totalUsage(-1).percpuUsage(List.of(-1L)).build();
      StatsContainerResponse absurd =
          StatsContainerResponse.builder()
              .cgroupStats(
                  CgroupStats.builder()
                      .cpuStats(CpuStats.builder().cpuUsage(cpu).build())
                      .memoryStats(
                          MemoryStats.builder()
                              .usage(MemoryData.builder().usage(Long.MIN_VALUE).build())
                              .build())
                      .pidsStats(PidsStats.builder().current(Long.MAX_VALUE).build())
                      .build())
              .networkStats(
                  List.of(NetworkStats.builder().name(ESCAPES).rxBytes(Long.MAX_VALUE).build()))
              .build();
      guest.play("StatsContainer ok " + HostileGuest.base64(absurd.encode()));
      orderly("stats", guest.name()).expect(0);
      orderly("stats", "--format", "json", guest.name()).expect(0);
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void processesThatCannotBe() {
    try (HostileGuest guest = HostileGuest.start("processes", "")) {
      guest.play("ListProcesses ok " + text("garbage"));
      HostileGuest.assertFails(
          run("top", guest.name()), "answered ListProcesses with a malformed message");
      guest.play("ListProcesses ok CqCNBg==:Ww==*100000");
      HostileGuest.assertFails(run("top", guest.name()), "nested deeper than 128");
      guest.play("ListProcesses ok " + processes("{\"pid\": [\"" + "x".repeat(1000) + "\"]}"));
      orderly("top", guest.name());
      String name = "\\u001b]0;title\\u0007\\u001b[2Jevil\\u009b31m";
      String process = "{\"pid\": -1, \"user\": \"" + name + "\", \"command\": \"" + name + "\"}";
      guest.play("ListProcesses ok " + processes("[" + process + "]"));
      assertThat(orderly("top", guest.name()).expect(0).out()).contains("evil");
      orderly("top", "--format", "json", guest.name()).expect(0);
      guest.play("ListProcesses ok " + processes("[" + "0,".repeat(40_000) + "0]"));
      orderly("top", guest.name());
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void endsThatCannotBe() {
    try (HostileGuest guest = HostileGuest.start("ends", "")) {
      for (int status : new int[] {-1, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
        byte[] answer = WaitProcessResponse.builder().status(status).build().encode();
        guest.play("WaitProcess~exec- ok " + HostileGuest.base64(answer));
        assertThat(guest.exec("true").exit()).isEqualTo(status & 0xff);
      }
      guest.play("WaitProcess~exec- ok ////");
      HostileGuest.assertFails(
          guest.exec("true"), "did not report how the process ended", "malformed message");
      guest.play("WaitProcess~exec- fail 13 " + text(ESCAPES));
      HostileGuest.assertFails(guest.exec("true"), "did not report how the process ended", "evil");
      guest.play("ExecProcess fail 13 " + text(ESCAPES));
      HostileGuest.assertFails(guest.exec("true"), "evil");
      guest.play("ExecProcess ok " + text("garbage"));
      HostileGuest.assertFails(guest.exec("true"), "has no process");
      guest.play("WaitProcess~exec- silent\nReadStdout~exec- fail 5 " + text(ESCAPES));
      try (Running waits = Casemate.call("exec", guest.name(), "true").start()) {
        assertThat(waits.ended(2_000)).as("nobody says that it has ended").isFalse();
      }
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void silenceOnEveryCall() {
    try (HostileGuest guest = HostileGuest.start("silent", "")) {
      guest.play("* silent");
      List<Running> calls =
          List.of(
              Casemate.call("exec", guest.name(), "true").start(),
              Casemate.call("top", guest.name()).start(),
              Casemate.call("pause", guest.name()).start(),
              Casemate.call("kill", "-s", "USR1", guest.name()).start(),
              Casemate.call("cp", guest.name() + ":/etc/passwd", "-").start());
      for (Running call : calls) {
        HostileGuest.assertFails(call.await(SECONDS), "the guest's agent did not answer");
      }
      run("stop", "-t", "1", guest.name()).expect(0);
      assertThat(EndToEnd.state(guest.name()).string("status")).isEqualTo("exited");
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void answersThatNobodyAskedFor() {
    try (HostileGuest guest = HostileGuest.start("unasked", "")) {
      guest.play("now frames 100001 101001 2 2 -1 -");
      assertThat(guest.exec("echo", "still").expect(0).out()).isEqualTo("still\n");
      guest.play("now then 200, raw AAAAAAAAAGMCAA== -1");
      guest.awaitEnd(SECONDS);
      assertThat(guest.error()).contains("broke", "frames that match no request");
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void whatIsNoFrameAndARestartUnderTheContainer() {
    try (HostileGuest guest = HostileGuest.start("garbles", "")) {
      guest.play("now then 200, raw " + text("x".repeat(32)) + " 32");
      guest.awaitEnd(SECONDS);
      assertThat(guest.error())
          .contains("the connection to the guest's agent broke", "sent data that is not ttrpc");
    }
    try (HostileGuest guest = HostileGuest.start("restarts", "")) {
      guest.play("now then 200, reboot");
      guest.awaitEnd(SECONDS);
      assertThat(guest.error())
          .contains("the VM ended while the container was running", "restarted");
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aPortThatIsClosedAndOpenedAgain() {
    try (HostileGuest guest = HostileGuest.start("reopens", "")) {
      guest.play("now then 200, close, then 500, open");
      Wait.millis(1_500);
      assertThat(guest.exec("echo", "again").expect(0).out()).isEqualTo("again\n");
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void clockJumps() {
    try (HostileGuest guest = HostileGuest.start("clock", "")) {
      // The years 2100 and 1970; the kernel refuses those before that.
      for (long seconds : new long[] {4_102_444_800L, 100_000_000L}) {
        // The host may set the clock right before the container looks at it.
        Wait.until(
            SECONDS,
            "the jump to " + seconds,
            () -> {
              guest.play("now clock " + seconds);
              return List.of("2100\n", "1973\n")
                  .contains(guest.exec("date", "+%Y").expect(0).out());
            });
        assertThat(guest.exec("sh", "-c", "sleep 0.1; echo slept").expect(0).out())
            .isEqualTo("slept\n");
      }
      // Other tests have containers of other names meanwhile.
      assertThat(run("ps").out().lines().filter(line -> line.endsWith(" clock")))
          .hasSize(1)
          .noneMatch(line -> line.matches(".*( years |-[0-9]).*"));
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void outputThatNeverEnds() {
    try (HostileGuest guest = HostileGuest.start("chatty", "ReadStdout stream QUFBQUFB -1")) {
      Path log = Casemate.STATE.resolve("containers").resolve(guest.id());
      Wait.until(SECONDS, "a rotated log", () -> Files.exists(log.resolve("output.log.1")));
      // The process has ended, its output has not.
      run("kill", guest.name()).expect(0);
      guest.awaitEnd(SECONDS);
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void answersLongerThanAskedFor() {
    // 32 KiB are asked for at a time; a log of newlines takes forty times their room.
    try (HostileGuest guest = HostileGuest.start("newlines", "")) {
      guest.play("ReadStdout~exec- stream Cg== -1 1000000");
      guest.exec("true");
      guest.awaitEnd(SECONDS);
      assertThat(guest.error()).contains("ReadStdout with 1000000 bytes, 32768 were requested");
    }
    try (HostileGuest guest = HostileGuest.start("newlines-later", "")) {
      guest.play("ReadStdout~exec- stream Cg== -1 4190000");
      guest.exec("true");
      guest.awaitEnd(SECONDS);
      assertThat(guest.error()).contains("sent a response of 41");
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aFloodOfEvents() {
    try (HostileGuest guest = HostileGuest.start("events", "GetOOMEvent oom")) {
      Wait.millis(1_000);
      guest.play("GetOOMEvent oom");
      long ticks = HostCost.cpuTicks(guest.sandbox());
      long begin = System.nanoTime();
      Wait.millis(3_000);
      ticks = HostCost.cpuTicks(guest.sandbox()) - ticks;
      String told = guest.play("GetOOMEvent oom");
      long millis = (System.nanoTime() - begin) / 1_000_000;
      assertThat(ticks).as("hundredths of a second of CPU time in three").isLessThan(20);
      int answers = Integer.parseInt(told.replaceAll("(?s).*played with: ([0-9]+);.*", "$1"));
      assertThat(answers).as(told).isBetween(0, (int) (millis / 8));
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void linksAndPipesInEveryDirectoryThatIsShared() throws Exception {
    Path directory = EndToEnd.files("planted");
    Path victim = EndToEnd.write(directory.resolve("victim"), "of the host\n");
    Path shared = Files.createDirectories(directory.resolve("shared"));
    Path file = EndToEnd.write(directory.resolve("file"), "shared\n");
    Path only = Files.createDirectories(directory.resolve("only"));
    EndToEnd.write(only.resolve("kept"), "kept\n");
    try (HostileGuest guest =
        HostileGuest.start(
            "plants",
            "",
            "-v",
            shared + ":/shared",
            "-v",
            file + ":/file",
            "-v",
            only + ":/only:ro")) {
      String told = guest.play("now plant " + victim);
      assertThat(told).contains("planted");
      guest.exec("sh", "-c", "echo evil > /shared/0; echo evil > /etc/hosts");
      orderly("cp", guest.name() + ":/shared/new", directory.resolve("copy").toString());
      orderly("cp", victim.toString(), guest.name() + ":/shared/0");
      orderly("stop", "-t", "1", guest.name());
      assertThat(victim).hasContent("of the host\n");
      assertThat(only.resolve("kept")).hasContent("kept\n");
      assertThat(EndToEnd.read(directory.resolve("only/kept"))).isEqualTo("kept\n");
    }
    assertThat(victim).hasContent("of the host\n");
    assertThat(file).exists();
    try (var entries = Files.list(only)) {
      assertThat(entries).hasSize(1);
    }
    Shell.run("rm -rf --one-file-system " + directory);
  }
}
