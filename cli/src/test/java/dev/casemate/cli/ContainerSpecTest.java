package dev.casemate.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.Json;
import dev.casemate.oci.Spec;
import java.util.List;
import org.junit.jupiter.api.Test;

class ContainerSpecTest {
  private static final ContainerSpec.ImageDefaults IMAGE =
      new ContainerSpec.ImageDefaults(
          List.of("/entry"),
          List.of("default"),
          List.of("PATH=/bin", "A=image"),
          "/srv",
          "nobody",
          List.of("/data", "/var/lib/x"));

  private static ContainerSpec spec(String... words) {
    return new ContainerSpec(Arguments.parse("run", RunOptions.ALL, List.of(words), false), IMAGE);
  }

  private static Json.Obj build(String... words) {
    Json.Obj json = spec(words).build("host", List.of("true"));
    // What we write, the engine's own records must be able to read.
    assertThat(Spec.parse(json.text()).hostname()).isEqualTo("host");
    return json;
  }

  @Test
  void joinsImageAndCommand() {
    assertThat(spec().command(List.of())).containsExactly("/entry", "default");
    assertThat(spec().command(List.of("x", "y"))).containsExactly("/entry", "x", "y");
    assertThat(spec("--entrypoint", "sh").command(List.of("-c"))).containsExactly("sh", "-c");
    assertThatThrownBy(() -> spec("--entrypoint", "").command(List.of()))
        .hasMessageContaining("no command");
  }

  @Test
  void theUserOverridesTheImage() {
    Json.Obj process =
        build("-e", "A=user", "-e", "B=2", "-w", "/w", "-u", "1000:5")
            .object("process")
            .orElseThrow();
    assertThat(process.strings("env")).contains("PATH=/bin", "A=user", "B=2", "HOSTNAME=host");
    assertThat(process.string("cwd")).isEqualTo("/w");
    assertThat(process.object("user").orElseThrow().string("username")).isEqualTo("1000:5");
    assertThat(process.bool("noNewPrivileges", false)).isTrue();
  }

  @Test
  void theGuestIsToldOfTheImagesVolumes() {
    assertThat(build().stringMap("annotations"))
        .containsEntry("dev.casemate.image-volumes", "/data\n/var/lib/x");
  }

  @Test
  void capabilities() {
    Json.Obj caps =
        build("--cap-drop", "ALL", "--cap-add", "net_admin")
            .object("process")
            .orElseThrow()
            .object("capabilities")
            .orElseThrow();
    assertThat(caps.strings("bounding")).containsExactly("CAP_NET_ADMIN");
    assertThat(caps.strings("effective")).containsExactly("CAP_NET_ADMIN");
    assertThatThrownBy(() -> build("--cap-add", "FLY")).hasMessageContaining("capabilities(7)");
  }

  @Test
  void limitsAndMounts() {
    Json.Obj json =
        build(
            "--ulimit",
            "nofile=10:20",
            "--cpus",
            "0.5",
            "--tmpfs",
            "/t:size=1m",
            "-v",
            "/tmp:/x:ro");
    Json.Obj limit = json.object("process").orElseThrow().objects("rlimits").getFirst();
    assertThat(limit.string("type")).isEqualTo("RLIMIT_NOFILE");
    assertThat(limit.integer("hard", 0)).isEqualTo(20);
    Json.Obj resources = json.object("linux").orElseThrow().object("resources").orElseThrow();
    assertThat(resources.object("cpu").orElseThrow().integer("quota", 0)).isEqualTo(50_000);
    assertThat(json.objects("mounts").getLast().strings("options")).contains("rbind", "ro");
  }

  @Test
  void refusesWhatCannotBe() {
    assertThatThrownBy(() -> build("-w", "relative")).hasMessageContaining("absolute path");
    assertThatThrownBy(() -> build("-v", "data:/x")).hasMessageContaining("HOST:GUEST");
    assertThatThrownBy(() -> build("-v", "/no/such:/x")).hasMessageContaining("does not exist");
    assertThatThrownBy(() -> build("-v", "/tmp:/x:rx")).hasMessageContaining("unknown option");
    assertThatThrownBy(() -> build("--ulimit", "nofile")).hasMessageContaining("NAME=SOFT");
    assertThatThrownBy(() -> build("--cpus", "none")).hasMessageContaining("0.01 to 255");
    assertThatThrownBy(() -> build("--sysctl", "x")).hasMessageContaining("NAME=VALUE");
    assertThatThrownBy(() -> build("-e", "=x")).hasMessageContaining("has no name");
    assertThatThrownBy(() -> build("--security-opt", "label=off")).hasMessageContaining("unknown");
  }
}
