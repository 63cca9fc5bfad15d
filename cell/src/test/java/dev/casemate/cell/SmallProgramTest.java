package dev.casemate.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.WaitStatus;
import dev.casemate.seccomp.SeccompCompiler;
import dev.casemate.seccomp.SeccompFilter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The small program as a real one: the kernel executes it. */
class SmallProgramTest {
  private static final int WRITE = 1;
  private static final int CLOSE = 3;

  @TempDir Path folder;

  private record Outcome(int status, byte[] output) {
    String text() {
      return new String(output, StandardCharsets.UTF_8);
    }

    long word(int at) {
      long value = 0;
      for (int i = 7; i >= 0; i--) {
        value = (value << 8) | (output[at + i] & 0xff);
      }
      return value;
    }
  }

  /** Runs an image whose standard output and error are one pipe. */
  private Outcome run(byte[] image, String... argv) {
    String path = folder.resolve("program").toString();
    FileContent.write(path, image, 0755);
    try (Pipe pipe = Pipe.open()) {
      int pid =
          Spawn.program(path, List.of(argv))
              .environment(List.of("COLOUR=blue"))
              .stdio(Fd.STDIN, pipe.write(), pipe.write())
              .start();
      pipe.write().close();
      byte[] output = FileContent.readBytes(pipe.read(), "pipe", 1 << 16);
      WaitStatus status = Processes.waitFor(pid, 0).orElseThrow();
      return new Outcome(status.exitStatus(), output);
    }
  }

  @Test
  void theCommandGetsItsArgumentsAndEnvironment() {
    byte[] image = new SmallProgram().image(2, new byte[0]);
    Outcome outcome = run(image, "/bin/sh", "sh", "-c", "echo $0 $1 $COLOUR", "zero", "one two");
    assertThat(outcome.text()).isEqualTo("zero one two blue\n");
    assertThat(outcome.status()).isZero();
  }

  @Test
  void theCallsAreMadeInTheirOrderBeforeTheCommand() {
    SmallProgram program = new SmallProgram();
    byte[] second = "second ".getBytes(StandardCharsets.UTF_8);
    program.call(WRITE, 1, program.data(second), second.length);
    byte[] first = "first ".getBytes(StandardCharsets.UTF_8);
    program.first(WRITE, 1, program.data(first), first.length);
    Outcome outcome = run(program.image(2, new byte[0]), "/bin/echo", "echo", "third");
    assertThat(outcome.text()).isEqualTo("first second third\n");
  }

  @Test
  void aCommandThatCannotBeExecutedIsReported() {
    byte[] prefix = {'X', 16, 0, 0, 0};
    Outcome outcome = run(new SmallProgram().image(2, prefix), "/no/such/file", "x");
    assertThat(outcome.status()).isEqualTo(127);
    assertThat(outcome.output()).startsWith(prefix).hasSize(prefix.length + 16);
    assertThat(outcome.word(5)).isEqualTo(-Errno.ENOENT);
    assertThat(outcome.word(13)).as("no step of the list").isZero();
  }

  @Test
  void aCallThatFailsEndsItBeforeTheCommand() {
    SmallProgram program = new SmallProgram();
    program.call(CLOSE, 999, 0, 0);
    Outcome outcome = run(program.image(2, new byte[0]), "/bin/echo", "echo", "not reached");
    assertThat(outcome.status()).isEqualTo(127);
    assertThat(outcome.word(0)).isEqualTo(-Errno.EBADF);
    assertThat(outcome.word(8)).isNotZero();
  }

  @Tag("root")
  @Test
  void aFilterIsInForceForTheCommandButNotForWhatComesBefore() {
    SeccompFilter filter =
        SeccompCompiler.compile(
            dev.casemate.oci.SeccompSpec.fromJson(
                dev.casemate.base.Json.parseObject(
                    "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"fcntl\"],"
                        + "\"action\":\"SCMP_ACT_KILL_PROCESS\"},{\"names\":[\"mkdir\",\"mkdirat\"],\"action\":"
                        + "\"SCMP_ACT_ERRNO\",\"errnoRet\":42}]}")));
    SmallProgram program = new SmallProgram();
    program.call(72, 2, 1, 0);
    byte[] header = new byte[16];
    SmallProgram.putShort(header, 0, filter.program().length);
    SmallProgram.putLong(header, 8, program.data(filter.bytes()));
    program.call(317, 1, filter.flags(), program.data(header));
    Outcome outcome = run(program.image(2, new byte[0]), "/bin/mkdir", "mkdir", folder + "/x");
    assertThat(outcome.status()).as(outcome.text()).isNotZero();
    assertThat(outcome.text()).containsIgnoringCase("no message of desired type");
  }

  @Test
  void theProgramItselfIsSmallAndItsFileUnreadable() {
    byte[] image = new SmallProgram().image(3, new byte[5]);
    assertThat(image.length).isLessThan(600);
    try (Fd file = SmallProgram.file(image)) {
      assertThat(Fs.stat(file).permissions()).isEqualTo(0111);
      assertThat(Fs.stat(file).size()).isEqualTo(image.length);
    }
  }
}
