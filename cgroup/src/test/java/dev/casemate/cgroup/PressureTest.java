package dev.casemate.cgroup;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class PressureTest {
  @Test
  void bothLinesAreReadInHundredths() {
    assertThat(
            Pressure.parse(
                "some avg10=95.26 avg60=0.07 avg300=100.00 total=483158613\n"
                    + "full avg10=0.00 avg60=1.00 avg300=2.50 total=18446744073\n"))
        .contains(
            new Pressure(
                Optional.of(new Pressure.Stall(9526, 7, 10000, 483158613)),
                Optional.of(new Pressure.Stall(0, 100, 250, 18446744073L))));
  }

  @Test
  void aResourceWithoutTheSecondLineHasTheFirst() {
    assertThat(Pressure.parse("some avg10=0.01 avg60=0.02 avg300=0.03 total=4\n"))
        .contains(new Pressure(Optional.of(new Pressure.Stall(1, 2, 3, 4)), Optional.empty()));
  }

  @Test
  void whatTheKernelDoesNotTellIsAbsent() {
    assertThat(Pressure.parse("")).isEmpty();
    assertThat(Pressure.parse("other avg10=1.00 total=1\n")).isEmpty();
  }
}
