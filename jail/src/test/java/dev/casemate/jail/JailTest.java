package dev.casemate.jail;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a program can still do in the jail, seen by the program itself. */
final class JailTest {
  @TempDir private static Path directory;

  @Test
  void what() {
    Probe probe = new Probe(directory);
    List<String> lines =
        probe.run(
            probe.jail(probe.root().device("/dev/null")), "what", probe.binary(), "/dev/null");
    System.out.println(String.join("\n", lines));
    assertThat(lines).contains("pid 1 parent 0");
  }
}
