package dev.casemate.commandline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class GoArgumentsTest {
  private static final List<Option> OPTIONS =
      List.of(
          Option.value("bundle", 'b', "DIR", ""),
          Option.flag("detach", 'd', ""),
          Option.flag("tty", 't', ""),
          Option.value("env", 'e', "NAME=VALUE", ""));

  private static Arguments parse(boolean interspersed, String... words) {
    return Arguments.parse(Dialect.GO, OPTIONS, interspersed, List.of(words));
  }

  @Test
  void allSpellingsOfGosParserAreUnderstood() {
    for (String[] words :
        List.of(
            new String[] {"--bundle", "/b", "id"},
            new String[] {"--bundle=/b", "id"},
            new String[] {"-bundle", "/b", "id"},
            new String[] {"-bundle=/b", "id"},
            new String[] {"-b", "/b", "id"},
            new String[] {"-b=/b", "id"})) {
      Arguments arguments = parse(true, words);
      assertThat(arguments.last("bundle")).contains("/b");
      assertThat(arguments.operands()).containsExactly("id");
    }
  }

  @Test
  void switchesMayBeJoinedAndMayHaveAValue() {
    Arguments joined = parse(false, "-td", "id", "sh");
    assertThat(joined.has("tty")).isTrue();
    assertThat(joined.has("detach")).isTrue();
    assertThat(parse(true, "--detach=false", "id").has("detach")).isFalse();
    assertThat(parse(true, "--detach=true", "id").has("detach")).isTrue();
    assertThatThrownBy(() -> parse(true, "--detach=maybe").has("detach"))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("maybe");
  }

  @Test
  void optionsMayFollowOperandsWhereTheseAreOurs() {
    assertThat(parse(true, "id", "--detach").has("detach")).isTrue();
    Arguments arguments = parse(false, "-e", "A=b=c", "-e=D=", "id", "ls", "-d", "--bundle");
    assertThat(arguments.has("detach")).isFalse();
    assertThat(arguments.all("env")).containsExactly("A=b=c", "D=");
    assertThat(arguments.operands()).containsExactly("id", "ls", "-d", "--bundle");
  }

  @Test
  void twoDashesEndTheOptions() {
    assertThat(parse(true, "--", "--detach").operands()).containsExactly("--detach");
    assertThat(parse(true, "-").operands()).containsExactly("-");
  }

  @Test
  void unknownOptionsAndMissingValuesAreNamed() {
    assertThatThrownBy(() -> parse(true, "--bogus")).hasMessage("unknown option --bogus");
    assertThatThrownBy(() -> parse(true, "-x")).hasMessage("unknown option -x");
    assertThatThrownBy(() -> parse(true, "--bundle"))
        .hasMessage("option --bundle requires a value (DIR)");
    assertThatThrownBy(() -> parse(true, "-tb", "x")).hasMessage("unknown option -tb");
  }

  @Test
  void numbersAndCountsAreChecked() {
    assertThat(parse(true, "-b", "12").number("bundle", 0, 12)).contains(12L);
    assertThat(parse(true).number("bundle", 0, 12)).isEmpty();
    for (String bad : List.of("13", "-1", "x", "", "1.5", "99999999999999999999")) {
      assertThatThrownBy(() -> parse(true, "-b", bad).number("bundle", 0, 12))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("\"" + bad + "\"");
    }
    assertThatThrownBy(() -> parse(true, "a", "b").operands("create", 1, 1))
        .hasMessageContaining("exactly 1 argument(s), got 2");
    assertThatThrownBy(() -> parse(true).operands("exec", 2, 9))
        .hasMessageContaining("a minimum of 2");
  }
}
