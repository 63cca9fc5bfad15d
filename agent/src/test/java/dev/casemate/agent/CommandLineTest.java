package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CommandLineTest {
  @Test
  void takesOnlyItsOwnParameters() {
    CommandLine line =
        CommandLine.parse(
            "console=ttyS0 quiet casemate.modules=block,erofs,net casemate.channel=vsock"
                + " agent.log=debug panic=-1\n");
    assertThat(line.channel()).isEqualTo("vsock");
    assertThat(line.moduleGroups()).containsExactly("block", "erofs", "net");
    assertThat(line.logLevel()).isEqualTo(Console.Level.DEBUG);
  }

  @Test
  void hasDefaults() {
    CommandLine line = CommandLine.parse("quiet");
    assertThat(line.channel()).isEqualTo("serial");
    assertThat(line.moduleGroups()).isEmpty();
    assertThat(line.logLevel()).isEqualTo(Console.Level.WARN);
  }

  @Test
  void takesTheLastOfEqualParameters() {
    assertThat(CommandLine.parse("casemate.modules=a casemate.modules=b,").moduleGroups())
        .containsExactly("b");
  }
}
