package dev.casemate.linux;

import java.util.ArrayList;
import java.util.List;

/** The little text handling that the start path needs, without regular expressions. */
public final class Text {
  private Text() {}

  /** Splits at each {@code separator}; empty pieces are left out. */
  public static List<String> split(String text, char separator) {
    List<String> pieces = new ArrayList<>();
    int start = 0;
    while (start <= text.length()) {
      int end = text.indexOf(separator, start);
      if (end < 0) {
        end = text.length();
      }
      if (end > start) {
        pieces.add(text.substring(start, end));
      }
      start = end + 1;
    }
    return pieces;
  }
}
