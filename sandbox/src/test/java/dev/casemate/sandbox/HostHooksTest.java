package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.oci.Spec;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostHooksTest {
  @TempDir Path directory;

  private HostHooks hooks(String json) {
    String text =
        "{\"ociVersion\":\"1.2.0\",\"annotations\":{\"a\":\"b\"},\"hooks\":"
            + json.replace("DIR", directory.toString())
            + "}";
    return new HostHooks("c1", "/bundle", Spec.parse(text));
  }

  private static String shell(String script) {
    return "{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"" + script + "\"]}";
  }

  private List<String> lines(String name) throws IOException {
    return Files.readAllLines(directory.resolve(name));
  }

  @Test
  void hooksRunInTheirOrderAndGetTheState() throws IOException {
    HostHooks hooks =
        hooks(
            "{\"prestart\":["
                + shell("echo prestart1 >>DIR/log; cat >DIR/state")
                + ","
                + shell("echo prestart2 >>DIR/log")
                + "],\"createRuntime\":["
                + shell("echo createRuntime >>DIR/log")
                + "],\"poststart\":["
                + shell("echo poststart >>DIR/log; cat >DIR/running")
                + "],\"poststop\":["
                + shell("echo poststop >>DIR/log; cat >DIR/stopped")
                + "]}");

    hooks.create(4711);
    hooks.started(4711);
    hooks.stopped(warning -> assertThat(warning).isNull());

    assertThat(lines("log"))
        .containsExactly("prestart1", "prestart2", "createRuntime", "poststart", "poststop");
    assertThat(Files.readString(directory.resolve("state")))
        .isEqualTo(
            "{\"ociVersion\":\"1.2.0\",\"id\":\"c1\",\"status\":\"creating\",\"pid\":4711,"
                + "\"bundle\":\"/bundle\",\"annotations\":{\"a\":\"b\"}}");
    Json.Obj running = Json.parseObject(Files.readString(directory.resolve("running")));
    assertThat(running.string("status")).isEqualTo("running");
    Json.Obj stopped = Json.parseObject(Files.readString(directory.resolve("stopped")));
    assertThat(stopped.string("status")).isEqualTo("stopped");
    assertThat(stopped.has("pid")).isFalse();
  }

  @Test
  void theFirstThatFailsEndsTheCreationAndIsNamed() {
    HostHooks hooks =
        hooks(
            "{\"prestart\":["
                + shell("echo why >&2; exit 3")
                + ","
                + shell("touch DIR/second")
                + "]}");

    assertThatThrownBy(() -> hooks.create(1))
        .isInstanceOf(CasemateException.class)
        .hasMessage("error running prestart hook #0: /bin/sh ended with exit code 3: why");
    assertThat(directory.resolve("second")).doesNotExist();
  }

  @Test
  void afterTheEndAllRunWhicheverFails() {
    List<String> warnings = new ArrayList<>();

    hooks("{\"poststop\":[" + shell("exit 1") + "," + shell("touch DIR/second") + "]}")
        .stopped(warnings::add);

    assertThat(warnings)
        .containsExactly("error running poststop hook #0: /bin/sh ended with exit code 1");
    assertThat(directory.resolve("second")).exists();
  }

  @Test
  void oneThatTakesTooLongIsEndedWithWhatItHasStarted() throws IOException {
    HostHooks hooks =
        hooks(
            "{\"createRuntime\":[{\"path\":\"/bin/sh\",\"timeout\":1,"
                + "\"args\":[\"sh\",\"-c\",\"sleep 600 & echo $! >DIR/child; wait\"]}]}");

    assertThatThrownBy(() -> hooks.create(1))
        .hasMessageContaining("createRuntime hook #0: /bin/sh timed out after 1 s");
    Path child = Path.of("/proc/" + lines("child").getFirst() + "/cmdline");
    Wait.until(10, "its child's end", () -> isEmptyOrGone(child));
  }

  /** The kernel empties the file when the process has ended, and removes it when it was reaped. */
  private static boolean isEmptyOrGone(Path commandLine) {
    try {
      return Files.readString(commandLine).isEmpty();
    } catch (IOException e) {
      return true;
    }
  }

  @Test
  void itHasItsEnvironmentAndNothingOfOurs() throws IOException {
    hooks(
            "{\"prestart\":[{\"path\":\"/bin/sh\",\"env\":[\"A=b\"],"
                + "\"args\":[\"sh\",\"-c\",\"/usr/bin/env >DIR/env\"]}]}")
        .create(1);

    assertThat(lines("env")).contains("A=b").noneMatch(line -> line.startsWith("HOME="));
  }

  @Test
  void withoutAnEnvironmentItHasOurs() throws IOException {
    hooks("{\"prestart\":[{\"path\":\"/bin/sh\"," + "\"args\":[\"sh\",\"-c\",\"env >DIR/env\"]}]}")
        .create(1);

    assertThat(lines("env")).contains("PATH=" + System.getenv("PATH"));
  }

  @Test
  void whatCannotBeIsRefusedBeforeAnyRuns() {
    assertThatThrownBy(() -> hooks("{\"startContainer\":[{\"path\":\"bin/x\"}]}").check())
        .hasMessageContaining("hooks.startContainer: path \"bin/x\" must be an absolute path");
    assertThatThrownBy(() -> hooks("{\"poststop\":[{\"path\":\"/x\",\"timeout\":0}]}").check())
        .hasMessageContaining("must be greater than zero");
    assertThatThrownBy(() -> hooks("{\"prestart\":[{\"path\":\"/no/such\"}]}").create(1))
        .hasMessageContaining("prestart hook #0: /no/such");
  }
}
