package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.linux.Fd;
import dev.casemate.linux.UnixSocket;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Wait;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;

/** What the tests of the command line share: a box, and a root in it. */
abstract class CellTest {
  static final String ROOT = "/run/cell";

  @SuppressWarnings("NullAway.Init")
  static Box box;

  @BeforeAll
  static void open() {
    box = Box.open("cli");
    // A root that is named and does not exist is an error of list.
    box.ok("mkdir -p " + ROOT);
  }

  @AfterAll
  static void close() {
    try {
      box.assertClean(ROOT);
    } finally {
      box.close();
    }
  }

  @AfterEach
  void nothingIsLeft() {
    String left = cell("list -q").expect(0).out();
    // The next test is judged for itself.
    for (String id : left.lines().toList()) {
      ok("delete -f " + id);
    }
    assertThat(left).isEmpty();
    assertThat(box.ok("ls -A " + ROOT + " 2> /dev/null || true").out()).isEmpty();
  }

  /** Runs the program with the test's root. */
  static Result cell(String arguments) {
    return box.run("exec $CELL --root " + ROOT + " " + arguments + " < /dev/null");
  }

  static Result ok(String arguments) {
    return cell(arguments).expect(0);
  }

  /** The master of a terminal that a command hands over on the socket {@code $FILES/c.sock}. */
  static Fd master(Runnable command) {
    try (Fd listener = UnixSocket.listen(box.files() + "/c.sock", 1)) {
      command.run();
      try (Fd connection = UnixSocket.accept(listener)) {
        List<Fd> fds = UnixSocket.receiveDescriptors(connection).orElseThrow();
        assertThat(fds).hasSize(1);
        return fds.getFirst();
      }
    } finally {
      box.ok("rm -f c.sock");
    }
  }

  /** Expects one line of error in the log that contains each fragment. */
  static void fails(int status, String arguments, String... fragments) {
    Result result = cell("--log-format json " + arguments).expect(status);
    List<String> lines = result.err().lines().toList();
    assertThat(lines).as(result.toString()).hasSize(1);
    Json.Obj line = Json.parseObject(lines.getFirst());
    assertThat(line.string("level")).isEqualTo("error");
    assertThat(line.has("time")).isTrue();
    for (String fragment : fragments) {
      assertThat(line.string("msg")).as(result.toString()).contains(fragment);
    }
  }

  static Json.Obj state(String id) {
    return Json.parseObject(ok("state " + id).out());
  }

  static String status(String id) {
    return state(id).string("status");
  }

  /** Waits until a container has the given status. */
  static void await(String id, String status) {
    Wait.until(60, "container " + id + " to be " + status, () -> status(id).equals(status));
  }
}
