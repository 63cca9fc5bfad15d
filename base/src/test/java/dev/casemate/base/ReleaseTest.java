package dev.casemate.base;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ReleaseTest {
  @Test
  void isTheVersionOfTheProject() throws IOException {
    assertThat(Files.readString(Path.of("../pom.xml")))
        .contains(
            "<artifactId>casemate-parent</artifactId>\n  <version>"
                + Release.VERSION
                + "-SNAPSHOT</version>");
  }
}
