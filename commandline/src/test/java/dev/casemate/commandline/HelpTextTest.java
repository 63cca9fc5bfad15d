package dev.casemate.commandline;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class HelpTextTest {
  private record Syntax(String name, String usage, String summary, List<Option> options)
      implements CommandSyntax {}

  @Test
  void alignsOptionsAndBreaksWhereOneIsTooLong() {
    Syntax command =
        new Syntax(
            "stop",
            "CONTAINER…",
            "Stop containers.",
            List.of(
                Option.value("time", 't', "SECONDS", "how long to wait"),
                Option.flag("all", "every one"),
                Option.value("a-name-of-some-length", "VALUE-OF-SOME-LENGTH", "its help")));
    assertThat(HelpText.of("casemate", command))
        .isEqualTo(
            """
            Usage: casemate stop [OPTION…] CONTAINER…

            Stop containers.

            Options:
              -t, --time SECONDS              how long to wait
                  --all                       every one
                  --a-name-of-some-length VALUE-OF-SOME-LENGTH
                                              its help
            """);
  }

  @Test
  void anOperandThatLooksLikeHelpIsNotARequestForHelp() {
    CommandSyntax run =
        new CommandSyntax() {
          @Override
          public String name() {
            return "run";
          }

          @Override
          public String usage() {
            return "IMAGE";
          }

          @Override
          public String summary() {
            return "";
          }

          @Override
          public List<Option> options() {
            return List.of();
          }

          @Override
          public boolean interspersed() {
            return false;
          }
        };
    assertThat(run.isHelpRequest(List.of("--help"), Dialect.GNU)).isTrue();
    assertThat(run.isHelpRequest(List.of("image", "--help"), Dialect.GNU)).isFalse();
    assertThat(run.isHelpRequest(List.of("--", "--help"), Dialect.GO)).isFalse();
    assertThat(run.isHelpRequest(List.of("-h"), Dialect.GO)).isTrue();
    assertThat(run.isHelpRequest(List.of("-h"), Dialect.GNU)).isFalse();
  }
}
