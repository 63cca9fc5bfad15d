package dev.casemate.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.commandline.HelpText;
import org.junit.jupiter.api.Test;

class HelpTextTest {
  @Test
  void everyCommandHasHelp() {
    for (Command command : Commands.visible()) {
      assertThat(HelpText.of("casemate", command)).contains("Usage: casemate " + command.name());
      assertThat(Commands.help()).contains("  " + command.name());
    }
  }
}
