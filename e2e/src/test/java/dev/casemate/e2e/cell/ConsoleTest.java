package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Tty;
import dev.casemate.testsupport.Running;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** Terminals: in the foreground, and by way of a console socket. */
class ConsoleTest extends CellTest {
  private static Bundle bundle(String script) {
    return Bundle.make(box, "tty", "sh", "-c", script).with(b -> b.process().put("terminal", true));
  }

  /** A shell command on a terminal of 33 rows and 77 columns. */
  private static String onTerminal(String command) {
    return "script -qefc \"stty rows 33 cols 77; " + command + "\" /dev/null";
  }

  @Test
  void foregroundProcessesHaveTheSizeOfOurTerminal() {
    bundle("tty; stty size; test -t 0 && test -t 1 && test -t 2 && exit 6");
    assertThat(box.run(onTerminal("exec $CELL --root " + ROOT + " run -b tty a")).expect(6).out())
        .contains("/dev/pts/0", "33 77");
  }

  @Test
  void whatIsTypedArrivesAndOurTerminalIsGivenBack() {
    bundle("read line; echo \"got $line\"; stty -a | head -n 1");
    String command =
        onTerminal("$CELL --root " + ROOT + " run -b tty a; stty -a | grep -o -- ' -*echo '");
    try (Running running = box.startInteractive(command)) {
      box.ok(
          "until $CELL --root "
              + ROOT
              + " state a 2> /dev/null | grep -q running; do sleep 0.05; done");
      running.type("hello\r");
      String out = running.await(Box.TIMEOUT_SECONDS).expect(0).out();
      assertThat(out).contains("got hello", " echo ").doesNotContain(" -echo ");
    }
  }

  @Test
  void controlCharactersReachTheProcessNotUs() {
    bundle("trap 'echo interrupted; exit 4' INT; echo ready; while :; do sleep 0.1; done");
    try (Running running =
        box.startInteractive(onTerminal("exec $CELL --root " + ROOT + " run -b tty a"))) {
      running.awaitOutput("ready", Box.TIMEOUT_SECONDS);
      running.type("\u0003");
      assertThat(running.await(Box.TIMEOUT_SECONDS).expect(4).out()).contains("interrupted");
    }
  }

  @Test
  void largeOutputIsNotLost() {
    bundle("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i + 1)); done");
    String out = box.run("$CELL --root " + ROOT + " run -b tty a < /dev/null").expect(0).out();
    assertThat(out.lines().toList()).hasSize(20_000);
    assertThat(out).endsWith("line 19999\n");
  }

  @Test
  void execWithATerminal() {
    Bundle.make(box, "tty", "sleep", "1000");
    ok("run -d -b tty a > /dev/null 2>&1");
    assertThat(
            box.run(onTerminal("exec $CELL --root " + ROOT + " exec -t a sh -c 'tty; stty size'"))
                .expect(0)
                .out())
        .contains("/dev/pts/0", "33 77");
    ok("delete -f a");
  }

  @Test
  void consoleSocketsGetTheMaster() {
    bundle("stty size; read line; echo got $line")
        .with(
            b -> b.process().put("consoleSize", new Json.Obj().put("height", 20).put("width", 60)));
    try (Fd master =
        master(() -> ok("create -b tty --console-socket $FILES/c.sock a > /dev/null 2>&1"))) {
      assertThat(Tty.isTerminal(master)).isTrue();
      ok("start a");
      master.writeAll("typed\n".getBytes(StandardCharsets.UTF_8));
      String out = all(master);
      assertThat(out).contains("20 60", "got typed");
    }
    await("a", "stopped");
    ok("delete a");
  }

  @Test
  void consoleSocketsOfDetachedExecs() {
    Bundle.make(box, "tty", "sleep", "1000");
    ok("run -d -b tty a > /dev/null 2>&1");
    String exec =
        "exec -d -t --console-socket $FILES/c.sock --pid-file $FILES/p a sh -c 'echo in; tty'";
    try (Fd master = master(() -> ok(exec))) {
      assertThat(all(master)).contains("in", "/dev/pts/");
    } finally {
      box.ok("rm -f p");
    }
    ok("delete -f a");
  }

  /** What a terminal's process writes, until all have closed it. */
  private static String all(Fd master) {
    StringBuilder out = new StringBuilder();
    byte[] chunk = new byte[4096];
    try {
      while (Poll.await(master, Poll.IN, Box.TIMEOUT_SECONDS * 1000) != 0) {
        int n = master.read(chunk, 0, chunk.length);
        if (n <= 0) {
          break;
        }
        out.append(new String(chunk, 0, n, StandardCharsets.UTF_8));
      }
    } catch (LinuxException e) {
      assertThat(e.errno()).isEqualTo(Errno.EIO);
    }
    return out.toString();
  }
}
