package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.NewcArchive;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Kernels that do not boot and guests that do not answer. */
class BootFailureTest extends EndToEnd {
  private static Path directory = Path.of("");

  @BeforeAll
  static void prepare() {
    directory = files("boot");
  }

  /**
   * An initramfs with a program of ours as its init, in the "newc" format of the kernel's
   * documentation.
   */
  private static Path initramfs(String name, String body) throws IOException {
    Path source =
        write(
            directory.resolve(name + ".c"),
            """
            #include <fcntl.h>
            #include <stdio.h>
            #include <sys/stat.h>
            #include <sys/sysmacros.h>
            #include <unistd.h>
            int main(void) {
              mkdir("/dev", 0755);
              mknod("/dev/console", S_IFCHR | 0600, makedev(5, 1));
              int console = open("/dev/console", O_RDWR);
              dup2(console, 1);
              setvbuf(stdout, 0, _IOLBF, 0);
            """
                + body
                + "\n  return 0;\n}\n");
    Path program = directory.resolve(name);
    Shell.run("gcc -static -O1 -o " + program + " " + source);
    byte[] init = Files.readAllBytes(program);
    byte[] archive = new NewcArchive().entry("init", 0100755, init).bytes();
    return Files.write(directory.resolve(name + ".cpio"), archive);
  }

  private static Result boot(String option, Path file) {
    return boot(option, file, 5);
  }

  private static Result boot(String option, Path file, int seconds) {
    Result result =
        run(
            "run",
            "--rm",
            "--boot-timeout",
            Integer.toString(seconds),
            option,
            file.toString(),
            IMAGE,
            "true");
    assertThat(result.millis()).as(result.toString()).isLessThan(seconds * 1000L + 90_000);
    if (seconds == 5 && result.err().contains("console is empty") && option.equals("--initramfs")) {
      // A busy machine: the kernel did not come as far as to init.
      return boot(option, file, 40);
    }
    return result;
  }

  @Test
  void aGuestThatNeverAnswers() throws IOException {
    Path silent =
        initramfs(
            "hang",
            "for (int i = 1; i <= 20; i++) printf(\"waiting for nothing %d\\n\", i); sleep(1000);");
    Result result = boot("--initramfs", silent);
    SignalTest.isErrorWithConsole(
        result, "did not answer within ", silent.toString(), "casemate doctor");
    assertThat(result.err()).contains("| waiting for nothing 20").doesNotContain("nothing 1\n");
    assertThat(result.millis()).isGreaterThan(5_000);
  }

  @Test
  void aGuestThatPaintsOnTheTerminal() throws IOException {
    Path rude =
        initramfs("rude", "printf(\"\\033[2J\\033]0;title\\007red\\tbells\\n\"); sleep(1000);");
    Result result = boot("--initramfs", rude);
    result.expect(125);
    assertThat(result.err()).contains("red").doesNotContain("\033", "\007");
  }

  @Test
  void anInitThatEndsAtOnce() throws IOException {
    Result result = boot("--initramfs", initramfs("brief", "printf(\"that was all\\n\");"));
    SignalTest.isErrorWithConsole(result, "guest");
    assertThat(result.err()).containsIgnoringCase("panic");
  }

  @Test
  void anInitramfsThatIsNone() {
    Path garbage = write(directory.resolve("garbage.cpio"), "this is no archive\n".repeat(1000));
    Result result = boot("--initramfs", garbage);
    SignalTest.isErrorWithConsole(result, "guest");
  }

  @Test
  void aKernelThatIsText() {
    Path text = write(directory.resolve("kernel.txt"), "This is not a kernel.\n".repeat(100));
    Result result = boot("--kernel", text);
    isError(result, 125, text.toString(), "kernel");
  }

  @Test
  void aKernelThatIsCutShort() throws IOException {
    Path cut = directory.resolve("vmlinux.cut");
    Files.copy(Casemate.GUEST.resolve("default/vmlinux"), cut);
    try (RandomAccessFile file = new RandomAccessFile(cut.toFile(), "rw")) {
      file.setLength(file.length() / 3);
    }
    Result result = boot("--kernel", cut);
    SignalTest.isErrorWithConsole(result, cut.toString());
    Files.delete(cut);
  }

  @Test
  void anEmptyKernelAndADirectory() {
    Path empty = write(directory.resolve("empty"), "");
    isError(boot("--kernel", empty), 125, empty.toString());
    isError(boot("--kernel", directory), 125, directory.toString());
  }
}
