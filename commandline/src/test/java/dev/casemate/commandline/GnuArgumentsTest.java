package dev.casemate.commandline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class GnuArgumentsTest {
  private static final List<Option> OPTIONS =
      List.of(
          Option.flag("all", 'a', ""),
          Option.flag("tty", 't', ""),
          Option.value("env", 'e', "X", ""),
          Option.value("count", '\0', "N", ""));

  private static Arguments parse(boolean interspersed, String... words) {
    return Arguments.parse(Dialect.GNU, OPTIONS, interspersed, List.of(words));
  }

  @Test
  void takesEveryForm() {
    Arguments arguments =
        parse(true, "-at", "-e", "A=1", "-eB=2", "--env=C=3", "x", "--count", "7");
    assertThat(arguments.has("all")).isTrue();
    assertThat(arguments.has("tty")).isTrue();
    assertThat(arguments.all("env")).containsExactly("A=1", "B=2", "C=3");
    assertThat(arguments.number("count", 0, 1, 9)).isEqualTo(7);
    assertThat(arguments.operands()).containsExactly("x");
  }

  @Test
  void leavesTheCommandOfTheContainerAlone() {
    Arguments arguments = parse(false, "-a", "image", "ls", "-t", "--all");
    assertThat(arguments.has("tty")).isFalse();
    assertThat(arguments.operands()).containsExactly("image", "ls", "-t", "--all");
    assertThat(parse(false, "--", "-a").operands()).containsExactly("-a");
  }

  @Test
  void aSwitchCanBeTurnedOff() {
    assertThat(parse(true, "--all=false").has("all")).isFalse();
    assertThatThrownBy(() -> parse(true, "--all=maybe").has("all"))
        .hasMessageContaining("expected true or false");
  }

  @Test
  void saysWhatIsWrong() {
    assertThatThrownBy(() -> parse(true, "--nosuch"))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("unknown option --nosuch");
    assertThatThrownBy(() -> parse(true, "-x")).hasMessageContaining("unknown option -x");
    assertThatThrownBy(() -> parse(true, "--env")).hasMessageContaining("requires a value");
    assertThatThrownBy(() -> parse(true, "--count", "10").number("count", 0, 1, 9))
        .hasMessageContaining("expected a whole number from 1 to 9");
    assertThatThrownBy(() -> parse(true).operand("IMAGE")).hasMessageContaining("missing IMAGE");
    assertThatThrownBy(() -> parse(true, "a", "b").operand("IMAGE")).hasMessageContaining("but 2");
  }
}
