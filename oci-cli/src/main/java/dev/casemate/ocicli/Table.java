package dev.casemate.ocicli;

import dev.casemate.base.PlainText;
import java.util.ArrayList;
import java.util.List;

/**
 * Columns of text, at least twelve wide and three apart, as runc prints them. A cell is one line.
 */
final class Table {
  private static final int MINIMUM = 12;
  private static final int GAP = 3;

  private final List<List<String>> rows = new ArrayList<>();

  void row(String... cells) {
    List<String> row = new ArrayList<>();
    for (String cell : cells) {
      row.add(PlainText.line(cell));
    }
    rows.add(row);
  }

  String text() {
    List<Integer> widths = new ArrayList<>();
    for (List<String> row : rows) {
      for (int i = 0; i < row.size(); i++) {
        int width = Math.max(MINIMUM, row.get(i).length() + GAP);
        if (i == widths.size()) {
          widths.add(width);
        } else if (widths.get(i) < width) {
          widths.set(i, width);
        }
      }
    }
    StringBuilder text = new StringBuilder();
    for (List<String> row : rows) {
      for (int i = 0; i < row.size(); i++) {
        text.append(row.get(i));
        if (i < row.size() - 1) {
          text.repeat(' ', widths.get(i) - row.get(i).length());
        }
      }
      text.append('\n');
    }
    return text.toString();
  }
}
