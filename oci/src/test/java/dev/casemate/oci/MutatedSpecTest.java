package dev.casemate.oci;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Feeds the reader what nobody would write. Seeded, so that a failure can be repeated. */
class MutatedSpecTest {
  private static final int ROUNDS = 20_000;
  private static final String PIECES = "{}[]\":,\\/0123456789.eE+-truefalsn ul\u0000\ud83d\ude00é";

  private static String config() {
    return DefaultSpec.container(
            "rootfs",
            "box",
            ProcessSpec.of(java.util.List.of("sh", "-c"), java.util.List.of(), "/"))
        .toJson()
        .text();
  }

  private static String mutate(String text, Random random) {
    StringBuilder mutant = new StringBuilder(text);
    int changes = 1 + random.nextInt(4);
    for (int i = 0; i < changes && !mutant.isEmpty(); i++) {
      int at = random.nextInt(mutant.length());
      char piece = PIECES.charAt(random.nextInt(PIECES.length()));
      switch (random.nextInt(5)) {
        case 0 -> mutant.setCharAt(at, piece);
        case 1 -> mutant.insert(at, piece);
        case 2 -> mutant.deleteCharAt(at);
        case 3 -> mutant.setLength(at);
        default -> {
          int end = Math.min(mutant.length(), at + random.nextInt(40));
          mutant.insert(random.nextInt(mutant.length()), mutant.substring(at, end));
        }
      }
    }
    return mutant.toString();
  }

  @Test
  void aMutatedConfigurationIsReadOrRefusedAndNeverBreaksTheReader() {
    Random random = new Random(20261126);
    String config = config();
    int read = 0;
    for (int i = 0; i < ROUNDS; i++) {
      String mutant = mutate(config, random);
      Json value;
      try {
        value = Json.parse(mutant);
      } catch (CasemateException e) {
        assertThat(e.kind()).isEqualTo(CasemateException.Kind.CORRUPT);
        continue;
      }
      read++;
      // What was read is written so that it is read the same.
      assertThat(Json.parse(value.text())).as("round %d", i).isEqualTo(value);
      try {
        Spec spec = Spec.parse(mutant);
        assertThat(Spec.parse(spec.toJson().text()).toJson().text())
            .isEqualTo(spec.toJson().text());
      } catch (CasemateException e) {
        assertThat(e.getMessage()).isNotEmpty();
      }
    }
    assertThat(read).as("some are still JSON").isGreaterThan(ROUNDS / 20);
  }

  @Test
  void randomTextIsReadOrRefused() {
    Random random = new Random(7);
    for (int i = 0; i < ROUNDS; i++) {
      StringBuilder text = new StringBuilder();
      int length = random.nextInt(30);
      for (int j = 0; j < length; j++) {
        text.append(PIECES.charAt(random.nextInt(PIECES.length())));
      }
      try {
        Json value = Json.parse(text.toString());
        assertThat(Json.parse(value.text())).isEqualTo(value);
      } catch (CasemateException e) {
        assertThat(e.getMessage()).startsWith("not valid JSON at line");
      }
    }
  }

  @Test
  void aMillionBracketsAreTooDeepAndNotTheEndOfTheStack() {
    for (String piece : new String[] {"[", "{\"a\":", "[{\"a\":["}) {
      try {
        Json.parse(piece.repeat(1_000_000));
        throw new AssertionError("nested too deep, and read");
      } catch (CasemateException e) {
        assertThat(e.getMessage()).contains("nested deeper than 128");
      }
    }
  }
}
