package dev.casemate.base;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import java.nio.charset.StandardCharsets;

/** Text of a guest, an image or a registry on its way to a terminal. */
@Fuzzes(PlainText.class)
public final class PlainTextFuzz {
  private PlainTextFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Input input = new Input(data);
    int limit = input.next();
    int repeat = input.next();
    byte[] rest = input.rest();
    // Half of a surrogate pair comes about in UTF-16 only, as Json's \\u makes it.
    for (String text :
        new String[] {Input.text(rest), new String(rest, StandardCharsets.UTF_16BE)}) {
      check(text, limit);
      if (repeat % 8 == 0 && text.length() < 2_000) {
        check(text.repeat(1 + repeat), limit);
      }
    }
  }

  private static void check(String text, int limit) {
    String line = PlainText.line(text);
    shown(line, text.length());
    Expect.same(line, PlainText.line(line));
    String lines = PlainText.lines(text);
    Expect.that(lines.length() <= text.length(), "lines ", lines.length());
    Expect.same(lines, PlainText.lines(lines));
    Expect.same(line, lines.replace('\n', ' ').replace('\t', ' '));
    shown(PlainText.line(text, limit), limit);
    if (text.length() <= limit) {
      Expect.same(line, PlainText.line(text, limit));
    }
    String quoted = PlainText.quote(text);
    shown(quoted, PlainText.QUOTE_LIMIT + 2);
    Expect.that(quoted.startsWith("\"") && quoted.endsWith("\""), "no quotation: ", quoted);
    String message = PlainText.message(text);
    shown(message, PlainText.MESSAGE_LIMIT);
    if (text.length() > PlainText.MESSAGE_LIMIT) {
      // What to do stands at the end.
      String end = text.substring(text.length() - 100);
      String clean = PlainText.line(end);
      // The first character may be half of one.
      Expect.that(message.endsWith(clean.substring(Math.min(2, clean.length()))), "the end is cut");
    } else {
      Expect.same(line, message);
    }
  }

  /** Nothing that moves a cursor, hides or turns text, in at most so many characters. */
  private static void shown(String text, int limit) {
    Expect.that(text.length() <= limit, "longer than ", limit, ": ", text.length());
    Expect.printable(text);
    for (int at = 0; at < text.length(); ) {
      int c = text.codePointAt(at);
      at += Character.charCount(c);
      boolean obeyed =
          Character.isISOControl(c)
              || (c >= 0xd800 && c <= 0xdfff)
              || (c >= 0x2028 && c <= 0x202e)
              || (c >= 0x2060 && c <= 0x206f)
              || c == 0x200b
              || c == 0x200e
              || c == 0x200f
              || c == 0x061c
              || c == 0xfeff
              || (c >= 0xfff0 && c <= 0xfffb)
              || c == 0x3164
              || (c >= 0xe0000 && c <= 0xe0fff);
      Expect.that(!obeyed, "a terminal obeys or hides U+", Integer.toHexString(c));
    }
  }
}
