package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

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
    ok("exec", "files", "sh", "-c", "rm -rf /work; mkdir /work");
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
    ok("cp", file.toString(), "files:/work/new");
    ok("cp", file.toString(), "files:/work");
    inside("echo old > /work/over");
    ok("cp", file.toString(), "files:/work/over");
    String sum = Shell.run("sha256sum < " + file).out();
    assertThat(insideOut("cd /work; for f in new file over; do sha256sum < $f; done"))
        .isEqualTo(sum.repeat(3));
    assertThat(insideOut("stat -c %a /work/new")).isEqualTo("751\n");
    ok("cp", "files:/work/new", here.resolve("back").toString());
    ok("cp", "files:/work/new", here.toString());
    ok("cp", "files:/work/new", here.resolve("back").toString());
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
    ok("cp", here.resolve("d").toString(), "files:/work/copy");
    ok("cp", here.resolve("d").toString(), "files:/work/copy");
    String expected = "1122sub/two";
    assertThat(insideOut("cd /work/copy; cat one hard sub/two; readlink link; ls -d sub/empty"))
        .isEqualTo(expected + "\nsub/empty\n");
    assertThat(insideOut("cd /work/copy/d; cat one hard sub/two; readlink link"))
        .isEqualTo(expected + "\n");
    inside("rm -r /work/copy/d");
    ok("cp", "files:/work/copy", here.resolve("back").toString());
    ok("cp", "files:/work/copy/", here.resolve("back").toString());
    Shell.run(
        "diff -r --no-dereference "
            + here.resolve("d")
            + " "
            + here.resolve("back")
            + " | grep -v 'Only in .*back: copy'; true");
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
    ok("cp", here.resolve("d") + "/.", "files:/work");
    assertThat(insideOut("cat /work/one")).isEqualTo("1");
    Path back = Files.createDirectories(here.resolve("back"));
    ok("cp", "files:/work/.", back.toString());
    assertThat(read(back.resolve("one"))).isEqualTo("1");
  }

  @Test
  void tarStreams() throws IOException {
    inside("mkdir /work/t; echo x > /work/t/x; echo y > /work/t/y");
    Result result =
        Shell.run(Casemate.shellWords("cp", "files:/work/t", "-") + " | tar tf - | sort");
    assertThat(result.out()).isEqualTo("t/\nt/x\nt/y\n");
    write(here.resolve("z"), "zz");
    Shell.run("tar cf - -C " + here + " z | " + Casemate.shellWords("cp", "-", "files:/work/t"));
    assertThat(insideOut("cat /work/t/z")).isEqualTo("zz");
    isError(call("cp", "-", "files:/work/t").input("this is no tar\n".repeat(100)).run(), 1, "cp");
  }

  @Test
  void symbolicLinks() throws IOException {
    inside("echo target > /work/target; ln -s target /work/link; ln -s /nowhere /work/dangling");
    ok("cp", "files:/work/link", here.resolve("asLink").toString());
    assertThat(Files.readSymbolicLink(here.resolve("asLink"))).hasToString("target");
    ok("cp", "-L", "files:/work/link", here.resolve("asFile").toString());
    assertThat(read(here.resolve("asFile"))).isEqualTo("target\n");
    assertThat(Files.isSymbolicLink(here.resolve("asFile"))).isFalse();
    ok("cp", "files:/work/dangling", here.resolve("dangling").toString());
    assertThat(Files.isSymbolicLink(here.resolve("dangling"))).isTrue();
    write(here.resolve("real"), "real");
    Files.createSymbolicLink(here.resolve("ours"), Path.of("real"));
    ok("cp", here.resolve("ours").toString(), "files:/work/ours");
    assertThat(insideOut("readlink /work/ours")).isEqualTo("real\n");
    ok("cp", "-L", here.resolve("ours").toString(), "files:/work/followed");
    assertThat(insideOut("test ! -L /work/followed && cat /work/followed")).isEqualTo("real");
  }

  @Test
  void mistakes() {
    String local = write(here.resolve("file"), "x").toString();
    fails(1, List.of("cp", "files:/nowhere", here.resolve("x").toString()), "/nowhere");
    fails(1, List.of("cp", "files:/work", local), "directory", local);
    fails(1, List.of("cp", here.toString(), "files:/etc/passwd"), "directory", "/etc/passwd");
    fails(1, List.of("cp", here.resolve("nothing").toString(), "files:/work"), "nothing");
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
        "mkdir /work/d; ln -s " + outside + " /work/d/x; ln -s " + outside + "/secret /work/d/y");
    ok("cp", "files:/work/d", inside.toString());
    assertThat(Files.isSymbolicLink(inside.resolve("d/x"))).isTrue();
    inside(
        "cd /work/d; rm x y; mkdir x; echo evil > x/planted; echo evil > x/secret; echo evil > y");
    run("cp", "files:/work/d", inside.toString());
    assertThat(outside.toFile().list()).containsExactly("secret");
    assertThat(read(outside.resolve("secret"))).isEqualTo("untouched");
    // The destination itself, if the user names it, is the user's business; names from inside are
    // not.
    inside(
        "cd /work; mkdir e; mkfifo e/fifo; mknod e/null c 1 3; echo s > e/s; chmod 6755 e/s; chown 7:8 e/s");
    Result result = run("cp", "files:/work/e", inside.toString());
    assertThat(Files.exists(inside.resolve("e/null"))).as(result.toString()).isFalse();
    assertThat(Shell.run("stat -c '%a %u:%g' " + inside.resolve("e/s")).out())
        .isEqualTo("755 0:0\n");
    assertThat(result.err()).contains("null");
  }

  @Test
  void linksInsideStayInside() {
    write(here.resolve("file"), "mine");
    inside("ln -s ../../../../../../work/real /work/up; mkdir /work/real");
    ok("cp", here.resolve("file").toString(), "files:/work/up/");
    assertThat(insideOut("cat /work/real/file")).isEqualTo("mine");
    // The agent's own files are not the container's, whatever a path says.
    run("cp", here.resolve("file").toString(), "files:/../../../run/escaped");
    assertThat(insideOut("ls /run/escaped")).isEqualTo("/run/escaped\n");
    isError(run("cp", "files:/proc/1/root/../../../run/kata-containers", here.toString()), 1);
  }

  @Test
  void aCopyThatIsInterrupted() {
    inside("dd if=/dev/zero of=/work/big bs=1M count=100 2>/dev/null");
    Running running = call("cp", "files:/work/big", here.resolve("big").toString()).start();
    Wait.millis(400);
    running.signal(dev.casemate.linux.Signals.INT);
    running.await(Casemate.TIMEOUT_SECONDS);
    Wait.until(
        Casemate.TIMEOUT_SECONDS,
        "the sandbox to forget the copy",
        () -> Traces.now().stream().noneMatch(trace -> trace.contains("/io-")));
    assertThat(ok("exec", "files", "echo", "alive").out()).isEqualTo("alive\n");
  }
}
