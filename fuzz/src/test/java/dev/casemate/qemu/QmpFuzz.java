package dev.casemate.qemu;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import java.util.Arrays;
import java.util.Optional;

/** What a QEMU says that a guest has taken over. */
@Fuzzes({LineBuffer.class, QmpMessage.class, Qmp.class})
public final class QmpFuzz {
  private static final int LIMIT = 2000;

  private QmpFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    int piece = data.length == 0 ? 1 : 1 + (data[0] & 0xff);
    LineBuffer lines = new LineBuffer(LIMIT);
    Expect.parsed(
        () -> {
          int count = 0;
          for (int at = 1; at < data.length; at += piece) {
            byte[] next = Arrays.copyOfRange(data, at, Math.min(data.length, at + piece));
            lines.append(next, next.length);
            Optional<String> line = lines.next();
            while (line.isPresent()) {
              count++;
              read(line.get());
              line = lines.next();
            }
          }
          return count;
        });
  }

  private static void read(String line) {
    Expect.that(line.length() <= LIMIT && line.indexOf('\n') < 0, "line of ", line.length());
    Expect.printable(Qmp.bounded(line));
    Expect.that(Qmp.bounded(line).length() <= 300, "long text");
    Expect.parsed(() -> QmpMessage.parse(line));
  }
}
