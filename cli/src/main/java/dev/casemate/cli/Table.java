package dev.casemate.cli;

import dev.casemate.base.PlainText;
import java.util.ArrayList;
import java.util.List;

/** Columns of text under a heading. A cell is one line, whatever it holds. */
final class Table {
  private static final int GAP = 3;

  private final List<String[]> rows = new ArrayList<>();

  Table(String... heading) {
    row(heading);
  }

  final void row(String... cells) {
    String[] row = new String[cells.length];
    for (int i = 0; i < cells.length; i++) {
      row[i] = PlainText.line(cells[i]);
    }
    rows.add(row);
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
}
