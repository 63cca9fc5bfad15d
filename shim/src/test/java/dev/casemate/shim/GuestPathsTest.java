package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Fs;
import dev.casemate.sandbox.SandboxPaths;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GuestPathsTest {
  private static final SandboxPaths PATHS = new SandboxPaths("/run/x", "/var/lib/x");

  @TempDir Path temp;
  private Path guests = Path.of("");
  private Path allowed = Path.of("");

  @BeforeEach
  void makeFiles() throws IOException {
    guests = temp.toRealPath().resolve("guest");
    allowed = Files.createDirectories(guests.resolve("lean"));
    Files.writeString(allowed.resolve("vmlinux"), "kernel");
    Files.writeString(temp.resolve("shadow"), "secret");
  }

  private RuntimeConfig config(String more) {
    return RuntimeConfig.parse("test.toml", "[annotations]\nallowed = [\"*\"]\n" + more, PATHS);
  }

  private RuntimeConfig withPatterns() {
    String pattern = guests + "/*/vm*";
    return config(
        "kernel_paths = [\"" + pattern + "\"]\ninitramfs_paths = [\"" + pattern + "\"]\n");
  }

  @Test
  void withoutAPatternNoFileMayBeNamed() {
    for (Map<String, String> annotations :
        List.of(
            Map.of("dev.casemate.kernel", allowed + "/vmlinux"),
            Map.of("dev.casemate.initramfs", "/etc/shadow"),
            Map.of("io.katacontainers.config.hypervisor.initrd", "/etc/shadow"))) {
      Map.Entry<String, String> entry = annotations.entrySet().iterator().next();
      assertThatThrownBy(() -> Annotations.apply(config(""), annotations))
          .isInstanceOfSatisfying(
              CasemateException.class,
              e -> assertThat(e.kind()).isEqualTo(CasemateException.Kind.PERMISSION_DENIED))
          .hasMessageContaining(entry.getKey() + " = \"" + entry.getValue() + "\"")
          .hasMessageContaining(
              entry.getKey().endsWith("kernel") ? "kernel_paths is empty" : "initramfs_paths is");
    }
  }

  @Test
  void aFileThatMatchesIsTaken() throws IOException {
    RuntimeConfig config = withPatterns();
    String kernel = allowed + "/vmlinux";
    assertThat(Annotations.apply(config, Map.of("dev.casemate.kernel", kernel)).kernel())
        .isEqualTo(kernel);
    assertThat(Annotations.apply(config, Map.of("dev.casemate.initramfs", kernel)).initramfs())
        .isEqualTo(kernel);
    // A link inside of what is allowed: the file itself is what the VMM opens.
    Files.createSymbolicLink(allowed.resolve("vm-link"), Path.of("vmlinux"));
    assertThat(Annotations.apply(config, Map.of("dev.casemate.kernel", allowed + "/vm-link")))
        .extracting(RuntimeConfig::kernel)
        .isEqualTo(kernel);
  }

  @Test
  void aFileElsewhereIsRefusedAlsoThroughLinks() throws IOException {
    RuntimeConfig config = withPatterns();
    Files.createSymbolicLink(allowed.resolve("vm-out"), temp.resolve("shadow"));
    Files.createSymbolicLink(guests.resolve("dir"), temp);
    Files.writeString(temp.resolve("vmout"), "secret");
    Fs.makeFifo(allowed + "/vmfifo", 0600);
    Files.createDirectories(allowed.resolve("vmdir"));
    Map<String, String> wrong =
        Map.of(
            temp + "/shadow",
            "matches no pattern of annotations.kernel_paths",
            allowed + "/other",
            "matches no pattern",
            allowed + "/vm-out",
            "/shadow\", which is not allowed",
            guests + "/dir/vmout",
            "vmout\", which is not allowed",
            allowed + "/../vmlinux",
            "without ..",
            allowed + "/vmfifo",
            "not a regular file",
            allowed + "/vmdir",
            "not a regular file",
            allowed + "/vmlost",
            "no such file",
            "vmlinux",
            "an absolute path",
            "/dev/mem",
            "matches no pattern");
    wrong.forEach(
        (path, message) ->
            assertThatThrownBy(() -> Annotations.apply(config, Map.of("dev.casemate.kernel", path)))
                .as(path)
                .isInstanceOf(CasemateException.class)
                .hasMessageContaining("annotation dev.casemate.kernel = \"" + path + "\"")
                .hasMessageContaining(message));
  }

  @ParameterizedTest
  @CsvSource({
    "/a/b, /a/b, true",
    "/a/b, /a/bc, false",
    "/a/bc, /a/b, false",
    "/a/*, /a/b, true",
    "/a/*, /a/, true",
    "/a/*, /a/b/c, false",
    "/a/*/c, /a/b/c, true",
    "/a/*/c, /a/b/b/c, false",
    "/a/*b*c, /a/xbbxc, true",
    "/a/*b*c, /a/xbb/c, false",
    "/a/?c, /a/bc, true",
    "/a?b, /a/b, false",
    "/*, /a, true",
    "/*, /a/b, false",
    "/a/**, /a/b/c, false",
    "/a/*.img, /a/x.img.img, true",
  })
  void aStarStandsForAnythingButASlash(String pattern, String path, boolean matches) {
    assertThat(GuestPaths.matches(pattern, path)).isEqualTo(matches);
  }
}
