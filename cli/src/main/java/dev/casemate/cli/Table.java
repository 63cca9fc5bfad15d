package dev.casemate.cli;

import java.util.ArrayList;
import java.util.List;

/** Columns of text under a heading. */
final class Table {
  private static final int GAP = 3;

  private final List<String[]> rows = new ArrayList<>();

  Table(String... heading) {
    rows.add(heading);
  }

  void row(String... cells) {
    rows.add(cells);
  }

  String text() {
    int[] widths = new int[rows.getFirst().length];
    for (String[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        widths[i] = Math.max(widths[i], row[i].length());
      }
    }
    StringBuilder text = new StringBuilder();
    for (String[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        text.append(row[i]);
        if (i + 1 < row.length) {
          text.repeat(' ', widths[i] + GAP - row[i].length());
        }
      }
      text.append('\n');
    }
    return text.toString();
  }

  /** Text for a cell: control characters would let a name paint on the terminal. */
  static String clean(String text, int limit) {
    StringBuilder clean = new StringBuilder();
    for (int i = 0; i < text.length() && clean.length() < limit; i++) {
      char c = text.charAt(i);
      clean.append(Character.isISOControl(c) ? '?' : c);
    }
    return text.length() > limit ? clean.substring(0, limit - 1) + "…" : clean.toString();
  }
}
