package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Shell;
import org.junit.jupiter.api.Test;

/** What is built twice is the same; {@code make reproducible} does it for the executables, too. */
class ReproducibleTest {
  @Test
  void theJarsAre() {
    Result result = Shell.run("../scripts/reproducible.sh jars");
    assertThat(result.out()).contains("jars compared", "reproducible: yes");
  }
}
