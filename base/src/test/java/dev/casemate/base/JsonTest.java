package dev.casemate.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @Test
  void readsWhatItWrites() {
    Json.Obj object =
        new Json.Obj()
            .put("text", "a \"quoted\"\n\u0001 \\ ü \ud83d\ude00")
            .put("number", Long.MIN_VALUE)
            .put("yes", true)
            .putStrings("list", List.of("", "x"))
            .put("nothing", new Json.Null());
    assertThat(Json.parseObject(object.text()).text()).isEqualTo(object.text());
    assertThat(Json.parseObject(object.pretty()).text()).isEqualTo(object.text());
  }

  @Test
  void understandsEscapes() {
    Json.Obj object = Json.parseObject("{\"a\": \"\\u00fc\\t\\/\\\\\", \"b\": [1, -2.5e3, null]}");
    assertThat(object.string("a")).isEqualTo("ü\t/\\");
    assertThat(object.array("b")).hasSize(3);
  }

  @Test
  void keepsTheWholeRangeOfIntegers() {
    Json.Obj object =
        Json.parseObject("{\"u\": 18446744073709551615, \"s\": -9223372036854775808}");
    assertThat(object.integer("u", 0)).isEqualTo(-1);
    assertThat(object.integer("s", 0)).isEqualTo(Long.MIN_VALUE);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[1,]",
        "{\"a\"}",
        "{\"a\":1,}",
        "01",
        "1.",
        "-",
        "tru",
        "\"\\x\"",
        "\"\u0001\"",
        "\"\\u12\"",
        "\"open",
        "{} {}",
        "[1 2]",
        "nul",
        "+1",
        ".5",
        "1e",
        "{a:1}",
        "'a'"
      })
  void refusesWhatIsNoJson(String text) {
    assertThatThrownBy(() -> Json.parse(text))
        .isInstanceOfSatisfying(
            CasemateException.class,
            e -> assertThat(e.kind()).isEqualTo(CasemateException.Kind.CORRUPT))
        .hasMessageContaining("line 1, column");
  }

  @Test
  void refusesDeepNesting() {
    assertThatThrownBy(() -> Json.parse("[".repeat(100_000)))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("nested deeper");
  }

  @Test
  void namesTheFieldThatIsWrong() {
    Json.Obj object = Json.parseObject("{\"linux\": {\"devices\": [{\"path\": 7}]}}");
    assertThatThrownBy(
            () -> object.object("linux").orElseThrow().objects("devices").getFirst().string("path"))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("linux.devices[0].path")
        .hasMessageContaining("the number 7")
        .hasMessageContaining("expected a string");
  }

  @Test
  void quotesNoMoreThanAMessageHolds() {
    String digits = "9".repeat(4 << 20);
    Json.Obj object = Json.parseObject("{\"a\": " + digits + ", \"b\": 1e" + digits + "}");
    for (String name : List.of("a", "b")) {
      assertThatThrownBy(() -> object.integer(name, 0))
          .isInstanceOf(CasemateException.class)
          .message()
          .hasSizeLessThan(300);
    }
    String name = "n".repeat(4 << 20);
    Json.Obj named = Json.parseObject("{\"" + name + "\": {\"" + name + "\": 1}}");
    assertThatThrownBy(() -> named.object(name).orElseThrow().string(name))
        .isInstanceOf(CasemateException.class)
        .message()
        .contains("expected a string")
        .hasSizeLessThan(600);
  }

  @Test
  void survivesGarbage() {
    Random random = new Random(20261122);
    String seed =
        "{\"a\":[1,2.5e-3,\"x\\u00e9\\n\",true,null],\"b\":{\"c\":{},\"d\":[]},\"e\":-17}";
    for (int round = 0; round < 20_000; round++) {
      StringBuilder text = new StringBuilder(seed);
      for (int change = random.nextInt(4); change >= 0; change--) {
        int at = random.nextInt(text.length());
        switch (random.nextInt(3)) {
          case 0 -> text.setCharAt(at, (char) random.nextInt(256));
          case 1 -> text.deleteCharAt(at);
          default -> text.insert(at, text.charAt(random.nextInt(text.length())));
        }
      }
      try {
        Json value = Json.parse(text.toString());
        assertThat(Json.parse(value.text()).text()).isEqualTo(value.text());
      } catch (CasemateException e) {
        assertThat(e.kind()).isEqualTo(CasemateException.Kind.CORRUPT);
      }
    }
  }

  @Test
  void fieldsAreFoundInAnyCaseOnlyWhereThatIsAskedFor() {
    Json.Obj json = Json.parseObject("{\"Outer\":[{\"PAGEsize\":\"2MB\"}],\"outer\":[]}");
    assertThat(json.string("x")).isEmpty();
    assertThat(Json.parseObject("{\"Name\":\"a\"}").has("name")).isFalse();
    assertThat(json.inAnyCase().objects("outer")).isEmpty();
    Json.Obj one = Json.parseObject("{\"Outer\":[{\"PAGEsize\":\"2MB\"}]}").inAnyCase();
    assertThat(one.objects("outer").getFirst().string("pageSize")).isEqualTo("2MB");
  }
}
