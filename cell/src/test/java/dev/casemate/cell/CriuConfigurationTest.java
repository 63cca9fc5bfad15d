package dev.casemate.cell;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.Fs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CriuConfigurationTest {
  @TempDir Path directory;

  private static void refused(String path, String words) {
    assertThatThrownBy(() -> CriuConfiguration.open(Map.of("org.criu.config", path)))
        .hasMessageContaining(path)
        .hasMessageContaining(words);
  }

  @Test
  void optionsThatRunProgramsAreRefusedInEverySpelling() {
    for (String line :
        List.of(
            "action-script /x", "ac=/x", "  action /x", "\"libdir\" /x", "exec-cmd", "lib\\dir")) {
      assertThatThrownBy(() -> CriuConfiguration.check("/f", "log-file x\n" + line + "\n"))
          .as(line)
          .hasMessageContaining("run a program");
    }
    CriuConfiguration.check("/f", "# action-script\nlink-remap\nlog-file /x\ntcp-established\n");
  }

  @Test
  void anEmptyAnnotationIsNoFile() {
    assertThat(CriuConfiguration.open(Map.of("org.criu.config", ""))).isEmpty();
  }

  @Test
  @Tag("root")
  void onlyAFileOfRootsIsTaken() throws Exception {
    Path file = Files.writeString(directory.resolve("criu.conf"), "log-file x\n");
    CriuConfiguration.open(Map.of("org.criu.config", file.toString())).orElseThrow().close();
    Fs.chmod(file.toString(), 0666);
    refused(file.toString(), "others than root can write it");
    Fs.chmod(file.toString(), 0644);
    Path link = Files.createSymbolicLink(directory.resolve("link"), file);
    refused(link.toString(), "ELOOP");
    Fs.makeFifo(directory + "/fifo", 0600);
    refused(directory + "/fifo", "no regular file");
    refused("relative", "no absolute path");
    refused(directory + "/none", "no such file");
  }
}
