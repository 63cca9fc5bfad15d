package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** {@code -it}: a terminal inside for the one outside. */
class TerminalTest extends EndToEnd {
  private static final String ASK =
      "stty size; echo term=$TERM; tty; echo ready; read x; echo got=$x;"
          + " until [ \"$(stty size)\" = '44 120' ]; do sleep 0.1; done; stty size; exit 7";

  @BeforeAll
  static void start() {
    detached("terminal", IMAGE, "sleep", "1000000");
  }

  @AfterAll
  static void stop() {
    remove("terminal");
  }

  @Test
  void sizeAndResizeInARun() {
    converse("run", "-it", "--rm", IMAGE, "sh", "-c", ASK);
  }

  @Test
  void sizeAndResizeInAnExec() {
    converse("exec", "-it", "terminal", "sh", "-c", ASK);
  }

  private static void converse(String... arguments) {
    try (Terminal terminal = new Terminal(101, 33, arguments)) {
      terminal.awaitScreen("ready");
      assertThat(terminal.screen()).contains("33 101", "term=xterm", "/dev/pts/");
      // Raw here, cooked inside: the echo comes from the container's terminal.
      assertThat(terminal.settings()).isNotEqualTo(terminal.settingsBefore());
      terminal.resize(120, 44);
      // A signal of the kernel's tells casemate, which tells the guest, in its own time.
      terminal.type("word\n");
      terminal.awaitScreen("got=word");
      assertThat(terminal.await()).as(terminal.toString()).isEqualTo(7);
      assertThat(terminal.screen()).as(terminal.toString()).contains("44 120", "got=word\r\n");
      assertThat(terminal.settings()).isEqualTo(terminal.settingsBefore());
    }
  }

  @Test
  void howFarALargeLayerIsUnpackedIsShown() {
    Path layout = files("large");
    // One file of 400 MiB of zeros, and no more than a layer, a config and a manifest.
    Shell.run(
        "set -e; cd "
            + layout
            + "; mkdir -p blobs/sha256; truncate -s 400M zeros; add() { h=$(sha256sum < $1 | cut"
            + " -c1-64); s=$(stat -c %s $1); mv $1 blobs/sha256/$h; echo"
            + " '\"digest\":\"sha256:'$h'\",\"size\":'$s; }; tar --format=ustar -cf tar zeros;"
            + " d=$(sha256sum < tar | cut -c1-64); zstd -q --rm tar -o layer; rm zeros; l=$(add"
            + " layer); echo"
            + " '{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:'$d'\"]}}'"
            + " > config; c=$(add config); t=application/vnd.oci.image; echo"
            + " '{\"schemaVersion\":2,\"config\":{\"mediaType\":\"'$t'.config.v1+json\",'$c'},\"layers\":[{\"mediaType\":\"'$t'.layer.v1.tar+zstd\",'$l'}]}'"
            + " > manifest; m=$(add manifest); echo '{\"imageLayoutVersion\":\"1.0.0\"}' >"
            + " oci-layout; echo"
            + " '{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"'$t'.manifest.v1+json\",'$m'}]}'"
            + " > index.json");
    try (Terminal terminal = new Terminal(101, 33, "pull", "oci:" + layout)) {
      assertThat(terminal.await()).as(terminal.toString()).isZero();
      assertThat(terminal.screen()).containsPattern("\runpacking layer 1 of 1: [0-9.]+ ?MiB");
    }
    ok("rmi", "oci:" + layout);
    Shell.run("rm -rf " + layout);
  }

  @Test
  void controlCharactersGoToTheContainer() {
    try (Terminal terminal =
        new Terminal(
            80,
            24,
            "exec",
            "-it",
            "terminal",
            "sh",
            "-c",
            "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 1; done")) {
      terminal.awaitScreen("ready");
      terminal.type("\u0003");
      assertThat(terminal.await()).as(terminal.toString()).isEqualTo(9);
      assertThat(terminal.screen()).contains("^C", "caught");
    }
    try (Terminal terminal = new Terminal(80, 24, "exec", "-it", "terminal", "cat")) {
      terminal.type("line\n");
      terminal.awaitScreen("line\r\nline");
      terminal.type("\u0004");
      assertThat(terminal.await()).as(terminal.toString()).isZero();
    }
  }

  @Test
  void aShellAsPeopleUseIt() {
    try (Terminal terminal = new Terminal(80, 24, "run", "-it", "--rm", IMAGE)) {
      terminal.awaitScreen("#");
      terminal.type("echo $((6*7))\n");
      terminal.awaitScreen("42");
      terminal.type("sleep 1000\n");
      Wait.millis(1000);
      terminal.type("\u0003");
      terminal.type("exit 3\n");
      assertThat(terminal.await()).as(terminal.toString()).isEqualTo(3);
    }
  }

  @Test
  void outputOfATerminalWithoutOneHere() {
    Result result =
        ok("exec", "-t", "-e", "TERM=vt100", "terminal", "sh", "-c", "tty; echo $TERM; echo e >&2");
    assertThat(result.out()).matches("/dev/pts/[0-9]\r\nvt100\r\ne\r\n");
    assertThat(result.err()).isEmpty();
  }

  @Test
  void theTerminalIsGivenBackAfterAnError() {
    try (Terminal terminal = new Terminal(80, 24, "run", "-it", "--rm", IMAGE, "frobnicate")) {
      assertThat(terminal.await()).as(terminal.toString()).isEqualTo(127);
      assertThat(terminal.screen()).contains("frobnicate");
      assertThat(terminal.settings()).isEqualTo(terminal.settingsBefore());
    }
  }

  @Test
  void theWindowIsClosed() {
    try (Terminal terminal = new Terminal(80, 24, "exec", "-it", "terminal", "sh")) {
      terminal.awaitScreen("#");
      // As with every terminal: its shell gets a hangup and ends.
      assertThat(terminal.hangUp()).as(terminal.toString()).isTrue();
    }
    Wait.until(
        Casemate.TIMEOUT_SECONDS,
        "the shell to end",
        () -> script("terminal", "ps | grep -c '[s]h$'").out().equals("0\n"));
  }
}
