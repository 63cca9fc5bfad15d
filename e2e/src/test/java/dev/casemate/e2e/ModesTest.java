package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What Casemate writes is for root alone, whatever the umask of who starts it. */
class ModesTest extends EndToEnd {
  /**
   * What others may read, and why. Paths are relative to the directory that is looked at; what lies
   * below one is meant as well.
   *
   * <ul>
   *   <li>{@code netns/ID} is a network namespace, an object of the kernel's, whose mode is fixed.
   * </ul>
   */
  private static final List<String> EXCEPTIONS = List.of("netns/");

  private static final String RUN = "/run/cmm-" + ProcessHandle.current().pid() % 100_000;

  private static String as(String state, String... words) {
    return Casemate.shellWords(words)
        .replace("CASEMATE_RUN=" + Casemate.RUN, "CASEMATE_RUN=" + RUN)
        .replace("CASEMATE_STATE=" + Casemate.STATE, "CASEMATE_STATE=" + state);
  }

  /** Everything below that has a bit for group or others, but links. */
  private static List<String> open(String directory) {
    return Shell.run("find " + directory + " ! -type l -perm /077 -printf '%P %m\n'")
        .out()
        .lines()
        .filter(line -> EXCEPTIONS.stream().noneMatch(line::startsWith))
        .toList();
  }

  @Test
  void nothingThatItWritesIsForOthers() {
    Path directory = files("modes");
    // Files that others may read in a directory that they may not pass: enough for the VMM's jail.
    String guest = directory.resolve("guest").toString();
    Shell.run(
        "mkdir -m 0700 "
            + guest
            + " && cd "
            + Casemate.GUEST
            + "/default && cp vmlinux initramfs.cpio "
            + guest);
    String shared = directory.resolve("shared").toString();
    Shell.run("mkdir " + shared);
    String state = directory.resolve("made/state").toString();
    String start =
        as(
            state,
            "run",
            "-d",
            "--name",
            "modes",
            "--network",
            "bridge",
            "-p",
            "127.0.0.1:18713:80",
            "-v",
            shared + ":/shared",
            "--kernel",
            guest + "/vmlinux",
            "--initramfs",
            guest + "/initramfs.cpio",
            IMAGE,
            "sh",
            "-c",
            "echo said; sleep 1000");
    try {
      Shell.run("umask 022; " + start);
      Shell.run("umask 022; " + as(state, "exec", "modes", "true"));
      Wait.until(
          60,
          "output in the log",
          () -> Shell.run(as(state, "logs", "modes")).out().contains("said"));
      // There is something to look at: sockets, records, leases, logs, images.
      String all = Shell.run("find " + RUN + " " + state).out();
      assertThat(all)
          .contains("task.sock", "/leases/", "output.log", ".erofs", "/lock", "scratch.ext4");
      assertThat(open(RUN)).isEmpty();
      assertThat(open(state)).isEmpty();
      Shell.run("umask 022; " + as(state, "stop", "-t", "1", "modes"));
      assertThat(open(RUN)).isEmpty();
      assertThat(open(state)).isEmpty();
    } finally {
      Shell.result(as(state, "rm", "-f", "modes"));
      Shell.result("rm -rf --one-file-system " + RUN + " " + directory);
    }
  }
}
