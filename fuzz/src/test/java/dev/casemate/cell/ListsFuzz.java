package dev.casemate.cell;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import java.nio.charset.StandardCharsets;

/** Lists of CPUs and memory nodes, and criu's options, of a {@code config.json} or a file. */
@Fuzzes(NumberList.class)
public final class ListsFuzz {
  private static final int LIMIT = 1024;

  private ListsFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    String text = new String(data, StandardCharsets.UTF_8);
    NumberList.parse(text, LIMIT)
        .ifPresent(
            numbers -> {
              for (int number : numbers) {
                Expect.that(number >= 0 && number < LIMIT, "number ", number);
              }
              Expect.that(numbers.length <= 2 * LIMIT, "length ", numbers.length);
            });
    Expect.parsed(() -> checked(text));
  }

  private static String checked(String text) {
    CriuConfiguration.check("/etc/x", text);
    return text;
  }
}
