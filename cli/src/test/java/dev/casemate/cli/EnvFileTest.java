package dev.casemate.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.commandline.UsageException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EnvFileTest {
  @Test
  void filesOfOtherSystemsHaveTheSameVariables() {
    assertThat(EnvFile.lines("f", "\uFEFFA=1\r\n# no\r\n\r\n  B= two \r\nC\nD=x=y"))
        .containsExactly("A=1", "B= two ", "C", "D=x=y");
    assertThat(EnvFile.lines("f", "")).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"export D=1,export D", "=1,no name", "'A B',A B", "'A	=1',blanks"})
  void aLineForAShellIsRefused(String line, String said) {
    assertThatThrownBy(() -> EnvFile.lines("/etc/env", "OK=1\n" + line + "\n"))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("line 2 of --env-file /etc/env")
        .hasMessageContaining(said)
        .hasMessageContaining("write NAME=VALUE");
  }
}
