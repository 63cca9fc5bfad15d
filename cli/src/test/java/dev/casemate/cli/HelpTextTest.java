package dev.casemate.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class HelpTextTest {
  @Test
  void everyCommandHasHelp() {
    for (Command command : Commands.visible()) {
      assertThat(Help.of(command)).contains("Usage: casemate " + command.name());
      assertThat(Help.overview()).contains("  " + command.name());
    }
  }
}
