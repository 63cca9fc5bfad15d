package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Directories and files of the host inside: {@code -v}, {@code rootfs:DIR} and {@code --rootfs
 * virtiofs}.
 */
class VolumeTest extends EndToEnd {
  private static Path host = Path.of("");

  @BeforeAll
  static void start() throws IOException {
    host = files("volumes");
    Files.createDirectories(host.resolve("rw"));
    Files.createDirectories(host.resolve("ro/sub"));
    write(host.resolve("ro/file"), "from the host");
    write(host.resolve("single"), "single");
    Files.createSymbolicLink(host.resolve("rw/out"), Path.of("/etc/hostname"));
    detached(
        "volumes",
        "--hostname",
        "inside",
        "-v",
        host + "/rw:/rw",
        "-v",
        host + "/ro:/ro:ro",
        "-v",
        host + "/single:/etc/single",
        IMAGE,
        "sleep",
        "1000000");
  }

  @AfterAll
  static void stop() {
    remove("volumes");
  }

  private static String inside(String script) {
    Result result = script("volumes", script);
    return result.err() + result.out();
  }

  /**
   * virtiofsd has a descriptor for each file that the guest knows. Half of the limit is what it
   * takes the guest a second or two to learn of, and a busy machine to notice.
   */
  @Test
  void moreFilesThanTheDaemonMayOpenAreWalkedOver() {
    Shell.run(
        "mkdir -p " + host + "/many && cd " + host + "/many && seq -f f%g 24000 | xargs touch");
    String script = "ls -l /many | wc -l; ls -l /many > /dev/null && cat /many/f7 && echo read";
    Result result =
        Shell.result(
            "prlimit --nofile=16000:16000 "
                + Casemate.shellWords(
                    "run", "--rm", "-v", host + "/many:/many", IMAGE, "sh", "-c", script));
    assertThat(result.err()).isEmpty();
    assertThat(result.out()).isEqualTo("24001\nread\n");
  }

  @Test
  void bothSidesSeeWhatIsWritten() {
    assertThat(inside("echo inside > /rw/new; mkdir /rw/d; chmod 640 /rw/new; chown 5:6 /rw/new"))
        .isEmpty();
    assertThat(read(host.resolve("rw/new"))).isEqualTo("inside\n");
    assertThat(Shell.run("stat -c '%a %u:%g' " + host.resolve("rw/new")).out())
        .isEqualTo("640 5:6\n");
    write(host.resolve("rw/d/late"), "late");
    assertThat(inside("cat /rw/d/late")).isEqualTo("late");
    assertThat(inside("rm /rw/d/late; echo more >> /rw/new")).isEmpty();
    assertThat(host.resolve("rw/d/late")).doesNotExist();
    assertThat(read(host.resolve("rw/new"))).isEqualTo("inside\nmore\n");
  }

  @Test
  void manyFilesAndABigOne() {
    assertThat(
            inside(
                "mkdir /rw/many; cd /rw/many; for i in $(seq 200); do echo $i > f$i; done; ls | wc"
                    + " -l"))
        .isEqualTo("200\n");
    String sum =
        inside("dd if=/dev/urandom of=/rw/big bs=1M count=20 2>/dev/null; sha256sum < /rw/big");
    assertThat(Shell.run("sha256sum < " + host.resolve("rw/big")).out()).isEqualTo(sum);
  }

  @Test
  void readOnlyIsReadOnly() {
    assertThat(inside("cat /ro/file")).isEqualTo("from the host");
    assertThat(inside("echo x > /ro/file; echo $?")).contains("Read-only").endsWith("1\n");
    assertThat(inside("touch /ro/new; rm /ro/file; mkdir /ro/sub/x; chmod 777 /ro/file; echo $?"))
        .endsWith("1\n");
    assertThat(inside("mount -o remount,rw /ro; touch /ro/new; echo $?")).endsWith("1\n");
    assertThat(read(host.resolve("ro/file"))).isEqualTo("from the host");
    assertThat(host.resolve("ro").toFile().list()).containsExactlyInAnyOrder("file", "sub");
  }

  @Test
  void oneFile() {
    assertThat(inside("cat /etc/single; echo changed > /etc/single; ls /etc | grep -c single"))
        .isEqualTo("single1\n");
    assertThat(read(host.resolve("single"))).isEqualTo("changed\n");
  }

  @Test
  void linksLeadToPlacesInside() {
    assertThat(inside("cat /rw/out")).isEqualTo("inside\n");
    assertThat(inside("ls /rw/../../../.. | grep -c volumes")).startsWith("0");
  }

  @Test
  void aDirectoryAsRoot() throws IOException {
    Path root = host.resolve("root");
    Path bin = Files.createDirectories(root.resolve("bin"));
    Shell.run("cp /bin/busybox " + bin + "/ && ln -s busybox " + bin + "/sh");
    write(root.resolve("marker"), "marker\n");
    Result result =
        ok(
            "run",
            "--rm",
            "rootfs:" + root,
            "/bin/sh",
            "-c",
            "busybox cat /marker; echo new > /new; busybox cat /new; busybox id -u");
    assertThat(result.out()).isEqualTo("marker\nnew\n0\n");
    assertThat(root.resolve("new")).doesNotExist();
    isError(run("run", "--rm", "rootfs:" + root, "/bin/nothing"), 127, "/bin/nothing");
    isError(run("run", "--rm", "rootfs:" + root), 125, "no command");
    assertThat(root.toFile().list()).doesNotContain("new");
  }

  @Test
  void anImageSharedInsteadOfADisk() {
    Result result =
        ok(
            "run",
            "--rm",
            "--rootfs",
            "virtiofs",
            "-v",
            host + "/ro:/ro:ro",
            IMAGE,
            "sh",
            "-c",
            "cat /ro/file; echo new > /etc/new && cat /etc/new; grep -c virtiofs /proc/mounts");
    assertThat(result.out()).startsWith("from the hostnew\n");
    assertThat(ok("run", "--rm", IMAGE, "ls", "/etc").out()).doesNotContain("new");
  }

  @Test
  void theSharingDaemonIsKilled() {
    String id = detached("unshared", "-v", host + "/rw:/rw", IMAGE, "sleep", "1000000");
    int killed = 0;
    for (int pid : Traces.pids()) {
      String line = Traces.commandLine(pid);
      if (line.contains("/virtiofsd ") && line.contains(id)) {
        Processes.kill(pid, Signals.KILL);
        killed++;
      }
    }
    assertThat(killed).isPositive();
    ok("rm", "-f", "unshared");
  }
}
