package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.casemate.base.Json;
import dev.casemate.oci.DefaultSpec;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Spec;
import dev.casemate.testsupport.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A {@code config.json} in a VM: hooks of the host and of the guest, and rare fields. */
final class TaskHooksTest extends NewestLineCases {
  @TempDir Path directory;

  @BeforeEach
  void makeRoot() throws IOException {
    assumeThat(VM).isTrue();
    Path bin = Files.createDirectories(directory.resolve("root/bin"));
    Files.copy(Path.of("/bin/busybox"), bin.resolve("busybox"));
    for (String name : List.of("sh", "cat", "umask", "ionice", "uname")) {
      Files.createSymbolicLink(bin.resolve(name), Path.of("busybox"));
    }
    for (String name : List.of("dev", "proc", "sys", "out")) {
      Files.createDirectories(directory.resolve("root").resolve(name));
    }
  }

  /** A hook that notes its name on the host. */
  private Json.Obj noting(String phase, String more) {
    return hook(
        "/bin/sh",
        "sh",
        "-c",
        "cat >"
            + directory.resolve(phase)
            + "; echo "
            + phase
            + " >>"
            + directory.resolve("log")
            + "; "
            + more);
  }

  private static Json.Obj hook(String path, String... args) {
    return new Json.Obj()
        .put("path", path)
        .putStrings("args", List.of(args))
        .putStrings("env", List.of("PATH=/usr/bin:/bin"));
  }

  private Json.Obj config(String script) {
    Spec spec =
        DefaultSpec.container(
            directory.resolve("root").toString(),
            "hooked",
            ProcessSpec.of(List.of("/bin/sh", "-c", script), List.of("PATH=/bin"), "/"));
    return spec.toJson();
  }

  private Result run(String id, Json.Obj config) throws IOException {
    Path file = directory.resolve("config.json");
    Files.writeString(file, config.text());
    return engine().run("--rm", "--config", file.toString(), id).run();
  }

  private List<String> log() throws IOException {
    Path log = directory.resolve("log");
    return Files.exists(log) ? Files.readAllLines(log) : List.of();
  }

  @Test
  void hooksRunAtTheirPlacesOnTheHostAndInTheGuest() throws IOException {
    Json.Obj hooks = new Json.Obj();
    for (String phase : List.of("prestart", "createRuntime", "poststart", "poststop")) {
      hooks.putObjects(
          phase, List.of(noting(phase, "ls -l /proc/self/fd >>" + directory + "/fds")));
    }
    String id = fresh("hooks");
    // What these two write lies in the container's root, which the host shares.
    hooks.putObjects(
        "createContainer",
        List.of(hook("/bin/busybox", "sh", "-c", "read s; echo \"$s\" >/dev/kmsg")));
    hooks.putObjects(
        "startContainer",
        List.of(hook("/bin/sh", "sh", "-c", "cat >/out/startContainer; uname -n >>/out/name")));

    run(id, config("echo ran >/out/command; sleep 1").put("hooks", hooks)).expect(0);

    assertThat(log()).containsExactly("prestart", "createRuntime", "poststart", "poststop");
    Json.Obj creating = Json.parseObject(Files.readString(directory.resolve("createRuntime")));
    assertThat(creating.string("id")).isEqualTo(id);
    assertThat(creating.string("status")).isEqualTo("creating");
    assertThat(creating.integer("pid", 0)).isPositive();
    assertThat(creating.string("bundle")).endsWith("/" + id);
    Json.Obj stopped = Json.parseObject(Files.readString(directory.resolve("poststop")));
    assertThat(stopped.string("status")).isEqualTo("stopped");
    Path out = directory.resolve("root/out");
    assertThat(Json.parseObject(Files.readString(out.resolve("startContainer"))).string("status"))
        .isEqualTo("created");
    assertThat(out.resolve("name")).hasContent("hooked");
    assertThat(Files.readString(directory.resolve("fds")))
        .as("nothing of the shim's")
        .doesNotContain("socket:")
        .doesNotContain("qemu")
        .doesNotContain("/run/casemate");
  }

  @Test
  void aHookOfTheCreationThatFailsDestroysTheContainer() throws IOException {
    for (String phase : List.of("prestart", "createRuntime", "createContainer", "startContainer")) {
      Files.deleteIfExists(directory.resolve("log"));
      Json.Obj failing =
          phase.endsWith("Container")
              ? hook("/bin/busybox", "sh", "-c", "echo why >&2; exit 3")
              : hook("/bin/sh", "sh", "-c", "echo why >&2; exit 3");
      Json.Obj hooks =
          new Json.Obj()
              .putObjects(phase, List.of(failing))
              .putObjects("poststart", List.of(noting("poststart", "true")))
              .putObjects("poststop", List.of(noting("poststop", "true")));
      String id = fresh("fails");

      Result result = run(id, config("echo ran >/out/command").put("hooks", hooks));

      assertThat(result.exit()).as(phase).isNotZero();
      assertThat(result.err()).contains(phase + " hook #").contains("exit code 3").contains("why");
      assertThat(directory.resolve("root/out/command")).doesNotExist();
      assertThat(log()).as(phase).containsExactly("poststop");
      assertThat(status(id)).isEmpty();
    }
  }

  @Test
  void aPoststartHookThatFailsStopsTheContainer() throws IOException {
    Json.Obj hooks =
        new Json.Obj()
            .putObjects("poststart", List.of(hook("/bin/sh", "sh", "-c", "exit 4")))
            .putObjects("poststop", List.of(noting("poststop", "true")));
    String id = fresh("poststart");

    Result result = run(id, config("while :; do sleep 1; done").put("hooks", hooks));

    assertThat(result.exit()).isNotZero();
    assertThat(result.err()).contains("poststart hook #0: /bin/sh ended with exit code 4");
    assertThat(log()).containsExactly("poststop");
    assertThat(status(id)).isEmpty();
  }

  @Test
  void aGuestsHookThatIsNowhereIsNamed() throws IOException {
    Json.Obj hooks =
        new Json.Obj().putObjects("createContainer", List.of(hook("/no/such", "such")));

    Result result = run(fresh("nowhere"), config("true").put("hooks", hooks));

    assertThat(result.exit()).isNotZero();
    assertThat(result.err())
        .contains("hooks.createContainer: /no/such is neither in the guest nor in the container");
  }

  @Test
  void rareFieldsOfTheConfigurationReachTheContainer() throws IOException {
    Json.Obj config =
        config("umask; uname -m; cat /proc/sys/kernel/domainname /proc/self/sched; ionice -p $$");
    config.put("domainname", "dom.example");
    Json.Obj process = config.object("process").orElseThrow();
    process.put("user", process.object("user").orElseThrow().put("umask", 0007));
    process.put("ioPriority", new Json.Obj().put("class", "IOPRIO_CLASS_BE").put("priority", 6));
    process.put("scheduler", new Json.Obj().put("policy", "SCHED_BATCH").put("nice", 5));
    config.put("process", process);
    Json.Obj linux = config.object("linux").orElseThrow();
    linux.put("personality", new Json.Obj().put("domain", "LINUX32"));

    String out = run(fresh("rare"), config.put("linux", linux)).expect(0).out();

    assertThat(out.lines())
        .startsWith("0007", "i686", "dom.example")
        .endsWith("best-effort: prio 6");
    assertThat(out).containsPattern("policy +: +3");
  }
}
