package dev.casemate.commandline;

import dev.casemate.base.PlainText;
import java.util.ArrayList;
import java.util.List;

/** Columns of text under a heading. A cell is one line, whatever it holds. */
public final class Table {
  private static final int GAP = 3;

  private final int minimumWidth;
  private final List<String[]> rows = new ArrayList<>();

  /** A table whose columns are as wide as what is in them. */
  public Table(String... heading) {
    this(0, heading);
  }

  /**
   * A table with columns of a least width.
   *
   * @param minimumWidth characters, the gap to the next column among them
   */
  public Table(int minimumWidth, String... heading) {
    this.minimumWidth = minimumWidth;
    row(heading);
  }

  public void row(String... cells) {
    String[] row = new String[cells.length];
    for (int i = 0; i < cells.length; i++) {
      row[i] = PlainText.line(cells[i]);
    }
    rows.add(row);
  }

  public String text() {
    int[] widths = new int[rows.getFirst().length];
    for (String[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        widths[i] = Math.max(widths[i], Math.max(minimumWidth, row[i].length() + GAP));
      }
    }
    StringBuilder text = new StringBuilder();
    for (String[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        text.append(row[i]);
        if (i + 1 < row.length) {
          text.repeat(' ', widths[i] - row[i].length());
        }
      }
      text.append('\n');
    }
    return text.toString();
  }
}
