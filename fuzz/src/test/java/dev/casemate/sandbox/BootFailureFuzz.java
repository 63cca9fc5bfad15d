package dev.casemate.sandbox;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;

/** A guest's console in the error that says why it did not come up. */
@Fuzzes(BootFailure.class)
public final class BootFailureFuzz {
  private static final int LINES = 8;
  private static final int LINE_LENGTH = 200;

  private BootFailureFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    String tail = BootFailure.consoleTail(data);
    String[] lines = tail.split("\n", -1);
    Expect.that(lines.length <= 1 + LINES, "lines ", lines.length);
    for (int i = 0; i < lines.length; i++) {
      Expect.printable(lines[i]);
      if (i > 0) {
        Expect.that(lines[i].startsWith("  | "), "a line that looks like ours: ", lines[i]);
        Expect.that(lines[i].length() <= 4 + LINE_LENGTH, "a line of ", lines[i].length());
      }
    }
    boolean silent = true;
    for (byte b : data) {
      silent &= b < ' ' || b == 0x7f;
    }
    Expect.same(silent, lines.length == 1);
    Expect.same(silent ? "; its console is empty" : "; last lines of its console:", lines[0]);
  }
}
