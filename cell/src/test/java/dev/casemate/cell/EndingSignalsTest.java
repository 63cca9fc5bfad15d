package dev.casemate.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Signals;
import java.util.List;
import org.junit.jupiter.api.Test;

class EndingSignalsTest {
  @Test
  void theSignalsThatEndAProcessAreThoseOfTheManPage() {
    for (String name : List.of("HUP", "INT", "TERM", "PIPE", "USR2", "PWR", "RTMIN", "RTMAX")) {
      assertThat(EndingSignals.ends(Signals.number(name))).as(name).isTrue();
    }
    for (String name : List.of("KILL", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "URG", "WINCH")) {
      assertThat(EndingSignals.ends(Signals.number(name))).as(name).isFalse();
    }
    assertThat(EndingSignals.ends(0)).isFalse();
    assertThat(EndingSignals.ends(65)).isFalse();
  }
}
