package dev.casemate.base;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.CasemateException.Kind;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlainTextTest {
  @ParameterizedTest
  @ValueSource(
      ints = {
        0, 7, 8, 0x1b, 0x7f, 0x80, 0x85, 0x9b, 0x9d, 0x9f, 0xad, 0x61c, 0x180e, 0x200b, 0x200e,
        0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2060, 0x2066, 0x2069, 0xd800, 0xdfff, 0xfeff,
        0xfff9, 0xe0001, 0xe0041, 0x115f, 0x2065, 0x3164, 0xffa0, 0xfff0, 0xe000d, 0xe0100
      })
  void whatATerminalObeysOrHidesBecomesAQuestionMark(int codePoint) {
    String text = "a" + new String(new int[] {codePoint}, 0, 1) + "b";
    assertThat(PlainText.line(text)).isEqualTo("a?b");
    assertThat(PlainText.lines(text)).isEqualTo("a?b");
    assertThat(PlainText.message(text)).isEqualTo("a?b");
    assertThat(PlainText.quote(text)).isEqualTo("\"a?b\"");
    String json = new Json.Str(text).text();
    assertThat(json.codePoints().allMatch(PlainText::isSafe)).isTrue();
    assertThat(Json.parse(json)).isEqualTo(new Json.Str(text));
  }

  @Test
  void ordinaryTextStays() {
    String text = "äöü … 日本 \ud83d\udc69\u200d\ud83d\ude80 ~!";
    assertThat(PlainText.line(text)).isEqualTo(text);
    assertThat(new Json.Str(text).text()).isEqualTo("\"" + text + "\"");
    assertThat(PlainText.line("\u2764\ufe0f", 2)).isEqualTo("\u2764\ufe0f");
  }

  @Test
  void aNameWithNewlinesIsOneLine() {
    assertThat(PlainText.line("a\nb\tc\rd")).isEqualTo("a b c d");
    assertThat(PlainText.lines("a\nb\tc\rd")).isEqualTo("a\nb\tc d");
    assertThat(PlainText.line("äa\nb")).isEqualTo("äa b");
  }

  @Test
  void bytesThatAreNoUtf8StayHarmless() {
    byte[] bytes = {'a', (byte) 0x9b, '3', '1', 'm', (byte) 0xc2, (byte) 0x9b, (byte) 0xff};
    assertThat(PlainText.line(new String(bytes, StandardCharsets.UTF_8)))
        .isEqualTo("a\ufffd31m?\ufffd");
  }

  @Test
  void lengthsAreBounded() {
    assertThat(PlainText.line("x".repeat(1000), 10)).isEqualTo("xxxxxxxxx…");
    assertThat(PlainText.quote("x".repeat(4 << 20))).hasSize(PlainText.QUOTE_LIMIT + 2);
    String message = PlainText.message("begin " + "9".repeat(4 << 20) + " end; do this");
    assertThat(message).hasSize(PlainText.MESSAGE_LIMIT).startsWith("begin 9").endsWith("do this");
  }

  @Test
  void anErrorIsCleanAndShortWhateverItQuotes() {
    CasemateException e =
        CasemateException.of(Kind.CORRUPT, "layer \u001b]0;T\u0007 is " + "9".repeat(4 << 20));
    assertThat(e.getMessage())
        .startsWith("layer ?]0;T? is 9")
        .hasSizeLessThanOrEqualTo(PlainText.MESSAGE_LIMIT);
  }
}
