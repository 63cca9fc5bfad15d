package dev.casemate.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ByteRingTest {
  @Test
  void keepsTheLastBytesWhateverIsWritten() {
    Random random = new Random(1);
    ByteRing ring = new ByteRing(10_000);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (int i = 0; i < 300; i++) {
      byte[] piece = new byte[random.nextInt(i % 50 == 0 ? 30_000 : 1500)];
      random.nextBytes(piece);
      ring.append(piece, 0, piece.length);
      all.writeBytes(piece);
      byte[] whole = all.toByteArray();
      assertThat(ring.content())
          .isEqualTo(Arrays.copyOfRange(whole, Math.max(0, whole.length - 10_000), whole.length));
    }
  }

  @Test
  void linesOfAHostileGuestArePrintableAndShort() {
    ByteRing ring = new ByteRing(1000);
    byte[] text = ("Kernel panic: a\nKernel panic: \u001b[2J" + "x".repeat(500) + "\n").getBytes();
    ring.append(text, 0, text.length);
    assertThat(ring.lastLineFrom("Kernel panic:", 40))
        .isEqualTo("Kernel panic: ?[2J" + "x".repeat(22));
    assertThat(ring.lastLineFrom("Oops", 40)).isEmpty();
  }
}
