package dev.casemate.sandbox;

import java.nio.charset.StandardCharsets;

/** Undoes a URI's percent signs. */
final class UriText {
  private UriText() {}

  /** In a path a plus sign is one. */
  static String path(String text) {
    return decode(text, '+');
  }

  /** In a query a plus sign is a space. */
  static String query(String text) {
    return decode(text, ' ');
  }

  private static String decode(String text, char plus) {
    byte[] in = text.getBytes(StandardCharsets.UTF_8);
    byte[] out = new byte[in.length];
    int length = 0;
    for (int i = 0; i < in.length; i++) {
      int high = i + 2 < in.length ? Character.digit(in[i + 1], 16) : -1;
      int low = i + 2 < in.length ? Character.digit(in[i + 2], 16) : -1;
      if (in[i] == '%' && high >= 0 && low >= 0) {
        out[length++] = (byte) (high * 16 + low);
        i += 2;
      } else {
        out[length++] = in[i] == '+' ? (byte) plus : in[i];
      }
    }
    return new String(out, 0, length, StandardCharsets.UTF_8);
  }
}
