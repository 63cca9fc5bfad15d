package dev.casemate.jail;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.LinuxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SharedLibrariesTest {
  private static final String PROGRAM = "/usr/bin/qemu-system-x86_64";

  /** What the loader itself says: {@code name => path (address)}. */
  private static Set<String> loaded(String program) throws Exception {
    Process list = new ProcessBuilder("/lib64/ld-linux-x86-64.so.2", "--list", program).start();
    String text = new String(list.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    Set<String> paths = new TreeSet<>();
    for (String line : text.lines().toList()) {
      String rest = line.contains("=>") ? line.substring(line.indexOf("=>") + 2) : line;
      String path = rest.strip().split(" ")[0];
      if (path.startsWith("/")) {
        paths.add(path);
      }
    }
    return paths;
  }

  @Test
  void agreesWithTheLoader() throws Exception {
    Set<String> found = new TreeSet<>(SharedLibraries.of(List.of(PROGRAM)));
    assertThat(found).contains("/etc/ld.so.cache", "/lib64/ld-linux-x86-64.so.2");
    assertThat(found).containsAll(loaded(PROGRAM));
    // No more than the loader opens, but for its cache.
    found.removeAll(loaded(PROGRAM));
    assertThat(found).containsExactly("/etc/ld.so.cache");
  }

  @Test
  void aStaticProgramNeedsNothing() {
    assertThat(ElfFile.read("/bin/busybox").needed()).isEmpty();
  }

  @Test
  void whatIsNoProgramIsNamed(@TempDir Path directory) throws Exception {
    Path text = Files.writeString(directory.resolve("text"), "#!/bin/sh\n" + "x".repeat(200));
    assertThatThrownBy(() -> SharedLibraries.of(List.of(text.toString())))
        .hasMessageContaining(text.toString())
        .hasMessageContaining("exec format error");
    Path cut = directory.resolve("cut");
    Files.write(cut, java.util.Arrays.copyOf(Files.readAllBytes(Path.of("/bin/busybox")), 100));
    assertThatThrownBy(() -> ElfFile.read(cut.toString())).isInstanceOf(LinuxException.class);
  }

  @Test
  void aCacheOfAnotherFormatIsEmpty() {
    assertThat(LoaderCache.parse(new byte[100]).paths("libc.so.6")).isEmpty();
    byte[] lying = "glibc-ld.so.cache1.1".getBytes(StandardCharsets.US_ASCII);
    byte[] cache = java.util.Arrays.copyOf(lying, 60);
    cache[20] = -1;
    cache[21] = -1;
    assertThat(LoaderCache.parse(cache).paths("libc.so.6")).isEmpty();
    assertThat(LoaderCache.read("/etc/ld.so.cache").paths("libc.so.6")).isNotEmpty();
  }
}
