package dev.casemate.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class VersionTest {
  @Test
  void isThatOfTheProject() throws IOException {
    assertThat(Files.readString(Path.of("../pom.xml")))
        .contains("<version>" + Version.TEXT + "-SNAPSHOT</version>");
  }

  @Test
  void everyCommandHasHelp() {
    for (Command command : Commands.visible()) {
      assertThat(Help.of(command)).contains("Usage: casemate " + command.name());
      assertThat(Help.overview()).contains("  " + command.name());
    }
  }
}
