package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * {@code cp} in both directions, and that a container cannot make it write where it was not told
 * to.
 */
class CopyTest extends EndToEnd {
  private Path here = Path.of("");

  @BeforeAll
  static void start() {
    detached("files", IMAGE, "sleep", "1000000");
  }

  @AfterAll
  static void stop() {
    remove("files");
  }

  @BeforeEach
  void fresh() {
    here = files("copy");
    ok("exec", "files", "sh", "-c", "rm -rf /desk; mkdir /desk");
  }

  private static void inside(String script) {
    script("files", script).expect(0);
  }

  private static String insideOut(String script) {
    return script("files", script).expect(0).out();
  }

  @Test
  void oneFile() throws IOException {
    byte[] content = new byte[20 << 20];
    new Random(1).nextBytes(content);
    Path file = Files.write(here.resolve("file"), content);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-x--x"));
    // To a new name, into a directory, over another file.
    ok("cp", file.toString(), "files:/desk/new");
    ok("cp", file.toString(), "files:/desk");
    inside("echo old > /desk/over");
    ok("cp", file.toString(), "files:/desk/over");
    String sum = Shell.run("sha256sum < " + file).out();
    assertThat(insideOut("cd /desk; for f in new file over; do sha256sum < $f; done"))
        .isEqualTo(sum.repeat(3));
    assertThat(insideOut("stat -c %a /desk/new")).isEqualTo("751\n");
    ok("cp", "files:/desk/new", here.resolve("back").toString());
    ok("cp", "files:/desk/new", here.toString());
    ok("cp", "files:/desk/new", here.resolve("back").toString());
    assertThat(Files.readAllBytes(here.resolve("back"))).isEqualTo(content);
    assertThat(Files.readAllBytes(here.resolve("new"))).isEqualTo(content);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(here.resolve("back"))))
        .isEqualTo("rwxr-x--x");
  }

  @Test
  void directories() throws IOException {
    Files.createDirectories(here.resolve("d/sub/empty"));
    write(here.resolve("d/one"), "1");
    write(here.resolve("d/sub/two"), "22");
    Files.createSymbolicLink(here.resolve("d/link"), Path.of("sub/two"));
    Files.createLink(here.resolve("d/hard"), here.resolve("d/one"));
    // There is no such directory: d becomes it. There is one: d goes into it.
    ok("cp", here.resolve("d").toString(), "files:/desk/copy");
    ok("cp", here.resolve("d").toString(), "files:/desk/copy");
    String expected = "1122sub/two";
    assertThat(insideOut("cd /desk/copy; cat one hard sub/two; readlink link; ls -d sub/empty"))
        .isEqualTo(expected + "\nsub/empty\n");
    assertThat(insideOut("cd /desk/copy/d; cat one hard sub/two; readlink link"))
        .isEqualTo(expected + "\n");
    inside("rm -r /desk/copy/d");
    ok("cp", "files:/desk/copy", here.resolve("back").toString());
    ok("cp", "files:/desk/copy/", here.resolve("back").toString());
    Shell.run(
        "diff -r --no-dereference "
            + here.resolve("d")
            + " "
            + here.resolve("back")
            + " | grep -v 'Only in .*back: copy' || true");
    for (String place : List.of("back", "back/copy")) {
      assertThat(
              Shell.run(
                      "cd "
                          + here.resolve(place)
                          + "; cat one hard sub/two; readlink link; ls -d sub/empty")
                  .out())
          .isEqualTo(expected + "\nsub/empty\n");
    }
  }

  @Test
  void theContentOfADirectory() throws IOException {
    Files.createDirectories(here.resolve("d"));
    write(here.resolve("d/one"), "1");
    ok("cp", here.resolve("d") + "/.", "files:/desk");
    assertThat(insideOut("cat /desk/one")).isEqualTo("1");
    Path back = Files.createDirectories(here.resolve("back"));
    ok("cp", "files:/desk/.", back.toString());
    assertThat(read(back.resolve("one"))).isEqualTo("1");
  }

  @Test
  void tarStreams() throws IOException {
    inside("mkdir /desk/t; echo x > /desk/t/x; echo y > /desk/t/y");
    Result result =
        Shell.run(Casemate.shellWords("cp", "files:/desk/t", "-") + " | tar tf - | sort");
    assertThat(result.out()).isEqualTo("t/\nt/x\nt/y\n");
    write(here.resolve("z"), "zz");
    Shell.run("tar cf - -C " + here + " z | " + Casemate.shellWords("cp", "-", "files:/desk/t"));
    assertThat(insideOut("cat /desk/t/z")).isEqualTo("zz");
    isError(call("cp", "-", "files:/desk/t").input("this is no tar\n".repeat(100)).run(), 1, "cp");
  }

  @Test
  void symbolicLinks() throws IOException {
    inside("echo target > /desk/target; ln -s target /desk/link; ln -s /nowhere /desk/dangling");
    ok("cp", "files:/desk/link", here.resolve("asLink").toString());
    assertThat(Files.readSymbolicLink(here.resolve("asLink"))).hasToString("target");
    ok("cp", "-L", "files:/desk/link", here.resolve("asFile").toString());
    assertThat(read(here.resolve("asFile"))).isEqualTo("target\n");
    assertThat(Files.isSymbolicLink(here.resolve("asFile"))).isFalse();
    ok("cp", "files:/desk/dangling", here.resolve("dangling").toString());
    assertThat(Files.isSymbolicLink(here.resolve("dangling"))).isTrue();
    write(here.resolve("real"), "real");
    Files.createSymbolicLink(here.resolve("ours"), Path.of("real"));
    ok("cp", here.resolve("ours").toString(), "files:/desk/ours");
    assertThat(insideOut("readlink /desk/ours")).isEqualTo("real\n");
    ok("cp", "-L", here.resolve("ours").toString(), "files:/desk/followed");
    assertThat(insideOut("test ! -L /desk/followed && cat /desk/followed")).isEqualTo("real");
  }

  @Test
  void mistakes() {
    String local = write(here.resolve("file"), "x").toString();
    fails(1, List.of("cp", "files:/nowhere", here.resolve("x").toString()), "/nowhere");
    fails(1, List.of("cp", "files:/desk", local), "directory", local);
    fails(1, List.of("cp", here.toString(), "files:/etc/passwd"), "directory", "/etc/passwd");
    fails(1, List.of("cp", here.resolve("nothing").toString(), "files:/desk"), "nothing");
    fails(1, List.of("cp", local, "files:/no/such/directory/x"), "/no/such/directory");
    fails(1, List.of("cp", "files:/etc/passwd", here.resolve("no/such/x").toString()), "no/such");
    fails(1, List.of("cp", "files:", here.toString()), "files:");
    assertThat(here.toFile().list()).containsExactly("file");
  }

  @Test
  void aHostileContainer() throws IOException {
    Path outside = Files.createDirectories(here.resolve("outside"));
    Path inside = Files.createDirectories(here.resolve("inside"));
    write(outside.resolve("secret"), "untouched");
    // First a link that leads out, then a directory of its name: what lies in it must not go there.
    inside(
        "mkdir /desk/d; ln -s " + outside + " /desk/d/x; ln -s " + outside + "/secret /desk/d/y");
    ok("cp", "files:/desk/d", inside.toString());
    assertThat(Files.isSymbolicLink(inside.resolve("d/x"))).isTrue();
    inside(
        "cd /desk/d; rm x y; mkdir x; echo evil > x/planted; echo evil > x/secret; echo evil > y");
    run("cp", "files:/desk/d", inside.toString());
    assertThat(outside.toFile().list()).containsExactly("secret");
    assertThat(read(outside.resolve("secret"))).isEqualTo("untouched");
    // The destination itself, if the user names it, is the user's business; names from inside are
    // not.
    inside(
        "cd /desk; mkdir e; mkfifo e/fifo; mknod e/null c 1 3; echo s > e/s; chmod 6755 e/s; chown"
            + " 7:8 e/s");
    Result result = run("cp", "files:/desk/e", inside.toString());
    assertThat(Files.exists(inside.resolve("e/null"))).as(result.toString()).isFalse();
    assertThat(Shell.run("stat -c '%a %u:%g' " + inside.resolve("e/s")).out())
        .isEqualTo("755 0:0\n");
    assertThat(result.err()).contains("null");
  }

  @Test
  void linksInsideStayInside() {
    write(here.resolve("file"), "mine");
    inside("ln -s ../../../../../../desk/real /desk/up; mkdir /desk/real");
    ok("cp", here.resolve("file").toString(), "files:/desk/up/");
    assertThat(insideOut("cat /desk/real/file")).isEqualTo("mine");
    // The agent's own files are not the container's, whatever a path says.
    run("cp", here.resolve("file").toString(), "files:/../../../run/escaped");
    assertThat(insideOut("ls /run/escaped")).isEqualTo("/run/escaped\n");
    isError(run("cp", "files:/proc/1/root/../../../run/kata-containers", here.toString()), 1);
  }

  @Test
  void aCopyThatIsInterrupted() {
    inside("dd if=/dev/zero of=/desk/big bs=1M count=100 2>/dev/null");
    Running running = call("cp", "files:/desk/big", here.resolve("big").toString()).start();
    Wait.millis(400);
    running.signal(dev.casemate.linux.Signals.INT);
    running.await(Casemate.TIMEOUT_SECONDS);
    Wait.until(
        Casemate.TIMEOUT_SECONDS,
        "the sandbox to forget the copy",
        () -> Traces.now().stream().noneMatch(trace -> trace.contains("/io-")));
    assertThat(here.toFile().list()).isEmpty();
    assertThat(ok("exec", "files", "echo", "alive").out()).isEqualTo("alive\n");
  }
}
