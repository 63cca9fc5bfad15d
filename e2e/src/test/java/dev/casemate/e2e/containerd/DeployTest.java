package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.e2e.engine.Call;
import dev.casemate.e2e.engine.Places;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is in deploy/: manifests that Kubernetes takes, and a script that changes a node. */
final class DeployTest {
  private static final Path DEPLOY = Path.of("../deploy").toAbsolutePath().normalize();

  /**
   * kubectl reads them as the objects that they are, and would drop a field that it does not know.
   */
  @ParameterizedTest
  @ValueSource(strings = {"runtimeclass", "daemonset", "pod"})
  void manifests(String name) throws IOException {
    Path file = DEPLOY.resolve(name + ".yaml");
    String kubectl = Places.ENGINES.resolve("usr/bin/kubectl").toString();
    String understood =
        new Call(
                List.of(
                    kubectl,
                    "annotate",
                    "--local",
                    "-f",
                    file.toString(),
                    "-o",
                    "yaml",
                    "read=yes"))
            .ok()
            .out();
    for (String line : Files.readAllLines(file)) {
      String key = line.replaceAll("#.*", "").replaceAll(":( .*)?$", ":").strip();
      if (key.endsWith(":")) {
        assertThat(understood).contains(key.replaceFirst("^- ", ""));
      }
    }
  }

  @Test
  void aNodeIsChangedAndChangedBack() throws IOException {
    String newer = Places.ENGINES.resolve("usr/bin/containerd").toString();
    for (Map.Entry<String, String> line :
        Map.of("2", "/usr/bin/containerd", "3", newer).entrySet()) {
      Path root = Places.fresh("node" + line.getKey());
      Path config = Files.createDirectories(root.resolve("etc/containerd")).resolve("config.toml");
      Path files = Files.createDirectories(root.resolve("files"));
      for (String program : List.of("casemate", "casemate-agent")) {
        Files.copy(Path.of("/bin/true"), files.resolve(program));
      }
      Files.createDirectories(files.resolve("guest"));
      Files.writeString(files.resolve("guest/vmlinux"), "kernel");
      String before = "version = " + line.getKey() + "\nroot = \"/somewhere\"\n";
      Files.writeString(config, before);
      assertThat(script(root, files, "install").out())
          .contains("restarted")
          .contains("installed below");
      // A second time nothing changes, and nobody is disturbed.
      assertThat(script(root, files, "install").out()).doesNotContain("restarted");
      String dump = Shell.run(line.getValue() + " --config " + config + " config dump").out();
      assertThat(dump).contains("runtimes.casemate]").contains("io.containerd.casemate.v2");
      assertThat(Files.readSymbolicLink(root.resolve("usr/local/bin/containerd-shim-casemate-v2")))
          .hasToString("/opt/casemate/bin/casemate");
      assertThat(root.resolve("var/lib/casemate/guest/default/vmlinux")).exists();
      assertThat(script(root, files, "remove").out()).contains("restarted");
      assertThat(Files.readString(config)).isEqualTo(before);
      assertThat(root.resolve("opt/casemate")).doesNotExist();
      assertThat(Files.exists(root.resolve("usr/local/bin/containerd-shim-casemate-v2"))).isFalse();
    }
  }

  private static Result script(Path root, Path files, String action) {
    return new Call(List.of(DEPLOY.resolve("install.sh").toString(), action))
        .environment("HOST_ROOT", root.toString())
        .environment("CASEMATE_FILES", files.toString())
        .environment("RESTART_CONTAINERD", "echo restarted")
        .ok();
  }
}
