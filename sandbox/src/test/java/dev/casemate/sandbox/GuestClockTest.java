package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Machine;
import dev.casemate.linux.WallClock;
import dev.casemate.protocol.casemate.ClockReading;
import dev.casemate.protocol.casemate.ClockRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class GuestClockTest {
  /** A guest whose clock is behind, and whose counter is too slow. */
  private static final class Guest implements GuestClock.Guest {
    private final List<ClockRequest> corrections = new ArrayList<>();
    private final double speed;
    private final long start = Machine.monotonicMicros();
    private long offset;

    Guest(long behind, double speed) {
      this.offset = -behind;
      this.speed = speed;
    }

    @Override
    public ClockReading call(ClockRequest request) {
      if (!request.equals(ClockRequest.builder().build())) {
        corrections.add(request);
      }
      offset += request.stepMicros();
      return ClockReading.builder()
          .realMicros(WallClock.realMicros() + offset)
          .rawMicros((long) ((Machine.monotonicMicros() - start) * speed))
          .build();
    }
  }

  private static GuestClock clock(Guest guest) {
    return new GuestClock(guest, warning -> {});
  }

  @Test
  void aClockThatIsFarOffIsSetAtOnce() {
    Guest guest = new Guest(700_000, 1);
    clock(guest).set();
    assertThat(Math.abs(guest.offset)).isLessThan(10_000);
    assertThat(guest.corrections).hasSize(1);
  }

  /** It could take 30 s for each of five answers, and the start of its container as long. */
  @Test
  void aGuestThatTakesItsTimeIsNotAskedAgainAndAgain() {
    Guest guest = new Guest(0, 1);
    List<ClockRequest> asked = new ArrayList<>();
    GuestClock slow =
        new GuestClock(
            request -> {
              asked.add(request);
              LockSupport.parkNanos(1_100_000_000L);
              return guest.call(request);
            },
            warning -> {});
    slow.set();
    assertThat(asked).as("two readings, and the correction").hasSizeLessThanOrEqualTo(3);
  }

  @Test
  void aClockThatIsNearlyRightIsMovedLittleByLittle() {
    Guest guest = new Guest(2_000, 1);
    assertThat(clock(guest).correct()).isFalse();
    ClockRequest correction = guest.corrections.getFirst();
    assertThat(correction.stepMicros()).isZero();
    assertThat(correction.slewMicros()).isBetween(1_000L, 3_000L);
    assertThat(correction.setRate()).isFalse();
  }

  @Test
  void howFastTheCounterRunsIsLearnt() throws InterruptedException {
    Guest guest = new Guest(0, 0.998);
    GuestClock clock = clock(guest);
    clock.correct();
    Thread.sleep(1_000);
    clock.correct();
    ClockRequest correction = guest.corrections.getLast();
    assertThat(correction.setRate()).isTrue();
    // 1 / 0.998 − 1 is 2004 parts per million; a loaded machine may add some.
    assertThat(correction.ratePpb()).isBetween(1_000_000L, 3_000_000L);
  }

  @Test
  void aMachineThatStoodStillHasNoRate() {
    GuestClock.Sample before = new GuestClock.Sample(0, 0, 0, 0, 10);
    GuestClock.Sample after = new GuestClock.Sample(0, 10_000_000, 0, 5_000_000, 10);
    assertThat(GuestClock.ratePpb(before, after)).isGreaterThan(5_000_000);
  }
}
