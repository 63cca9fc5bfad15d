package dev.casemate.base;

/**
 * Text for a terminal or a log that a guest, an image or a registry may have chosen. A terminal
 * obeys control characters (C0, DEL, and C1, U+0080 to U+009F), and shows text in another order
 * after bidirectional controls (Unicode UAX 9); others are invisible. Each of them becomes a
 * question mark, so that the text is shown as it is stored.
 *
 * <p>The workload's own output is not changed.
 */
public final class PlainText {
  /** Most characters of an error message. */
  public static final int MESSAGE_LIMIT = 4_000;

  /** Most characters that a message quotes of one value. */
  public static final int QUOTE_LIMIT = 200;

  private static final int ZERO_WIDTH_NON_JOINER = 0x200c;
  private static final int ZERO_WIDTH_JOINER = 0x200d;

  private PlainText() {}

  /** Whether a terminal shows a character and does nothing else. */
  public static boolean isSafe(int codePoint) {
    if (codePoint < 0x7f) {
      return codePoint >= ' ';
    }
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.SURROGATE,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      // Scripts and emoji need the joiners; the other format characters hide or turn text.
      case Character.FORMAT -> codePoint == ZERO_WIDTH_NON_JOINER || codePoint == ZERO_WIDTH_JOINER;
      default -> !isIgnorable(codePoint);
    };
  }

  /**
   * Whether nothing at all is shown of a character that is no format character: tags and what
   * Unicode keeps free for their like, and fillers of Hangul (Default_Ignorable_Code_Point in its
   * DerivedCoreProperties.txt). What scripts and emoji need between others stays: variation
   * selectors, the grapheme joiner, Khmer's inherent vowels.
   */
  private static boolean isIgnorable(int codePoint) {
    return (codePoint >= 0xe0000 && codePoint <= 0xe0fff)
        || (codePoint >= 0xfff0 && codePoint <= 0xfff8)
        || codePoint == 0x2065
        || codePoint == 0x115f
        || codePoint == 0x1160
        || codePoint == 0x3164
        || codePoint == 0xffa0;
  }

  /** One line: newlines and tabs become spaces, other control characters question marks. */
  public static String line(String text) {
    return clean(text, false);
  }

  /** {@link #line} of at most {@code limit} characters, which end in {@code …} if some are cut. */
  public static String line(String text, int limit) {
    if (text.length() <= limit) {
      return line(text);
    }
    return limit < 1 ? "" : line(text.substring(0, limit - 1)) + "…";
  }

  /** Several lines: newlines and tabs stay. */
  public static String lines(String text) {
    return clean(text, true);
  }

  /** A value in quotation marks for a message, short and clean. */
  public static String quote(String value) {
    return "\"" + line(value, QUOTE_LIMIT) + "\"";
  }

  /**
   * An error message: one line of at most {@link #MESSAGE_LIMIT} characters. The middle of a longer
   * one is cut out, because the end has the remedy.
   */
  public static String message(String text) {
    if (text.length() <= MESSAGE_LIMIT) {
      return line(text);
    }
    int tail = MESSAGE_LIMIT / 4;
    String head = text.substring(0, MESSAGE_LIMIT - tail - 1);
    return line(head) + "…" + line(text.substring(text.length() - tail));
  }

  private static String clean(String text, boolean lines) {
    int length = text.length();
    int at = 0;
    while (at < length && isPlain(text.charAt(at), lines)) {
      at++;
    }
    if (at == length) {
      return text;
    }
    StringBuilder clean = new StringBuilder(length).append(text, 0, at);
    while (at < length) {
      int codePoint = text.codePointAt(at);
      at += Character.charCount(codePoint);
      if (isSafe(codePoint) || (lines && (codePoint == '\n' || codePoint == '\t'))) {
        clean.appendCodePoint(codePoint);
      } else {
        boolean space = codePoint == '\n' || codePoint == '\t' || codePoint == '\r';
        clean.append(space ? ' ' : '?');
      }
    }
    return clean.toString();
  }

  private static boolean isPlain(char c, boolean lines) {
    return (c >= ' ' && c < 0x7f) || (lines && (c == '\n' || c == '\t'));
  }
}
