package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Wait;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class OomPumpTest {
  private static final long SECOND = 1_000_000_000L;

  private static final class Container implements OomPump.Subject {
    final AtomicInteger events = new AtomicInteger();

    @Override
    public boolean wasOutOfMemory() {
      return events.get() > 0;
    }

    @Override
    public void outOfMemory() {
      events.incrementAndGet();
    }
  }

  private final Map<String, Container> containers = new ConcurrentHashMap<>();

  private Thread pump(ScriptedGuest guest) {
    for (String id : List.of("a", "b")) {
      containers.put(id, new Container());
    }
    return Threads.start(
        "oom",
        new OomPump(
            guest.agent,
            id -> Optional.ofNullable(containers.get(id)).map(container -> container),
            guest.warnings::add));
  }

  private int events(String id) {
    Container container = containers.get(id);
    return container == null ? 0 : container.events.get();
  }

  @Test
  void aFloodIsHeldBackAndNoContainersFirstEventIsLost() throws InterruptedException {
    try (ScriptedGuest guest = new ScriptedGuest()) {
      Thread pump = pump(guest);
      for (int i = 0; i < 200; i++) {
        guest.oomEvents.add("a");
        guest.oomEvents.add("nobody's");
      }
      guest.oomEvents.add("b");
      Wait.until(20, "the event of b", () -> events("b") > 0);
      // The first one, the burst, and one a second; the flood of 400 takes some four of them.
      assertThat(events("a")).isBetween(1 + OomPump.BURST, 1 + OomPump.BURST + 30);
      int passed = events("a");
      guest.agent.close();
      pump.join();
      assertThat(guest.warnings)
          .containsExactly(
              (400 - passed)
                  + " out-of-memory events of the guest were not passed on: they came faster than"
                  + " one a second, or named no container");
    }
  }

  @Test
  void anHonestGuestsEventsAreAllPassedOn() throws InterruptedException {
    try (ScriptedGuest guest = new ScriptedGuest()) {
      Thread pump = pump(guest);
      guest.oomEvents.addAll(List.of("a", "b", "a", "b", "a"));
      Wait.until(20, "all events", () -> events("a") >= 3 && events("b") >= 2);
      guest.agent.close();
      pump.join();
      assertThat(guest.warnings).isEmpty();
    }
  }

  @Test
  void anAnswerThatIsTooLongEndsTheGuest() throws InterruptedException {
    try (ScriptedGuest guest = new ScriptedGuest()) {
      Thread pump = pump(guest);
      guest.oomEvents.add("x".repeat(1 << 20));
      pump.join();
      assertThat(guest.warnings).hasSize(1);
      assertThat(guest.warnings.getFirst())
          .contains("broke the protocol: it answered GetOOMEvent with 10485");
    }
  }

  @Test
  void aBucketFillsAgain() {
    TokenBucket bucket = new TokenBucket(3, 1, 5);
    for (int i = 0; i < 3; i++) {
      assertThat(bucket.take(5)).isTrue();
    }
    assertThat(bucket.take(5)).isFalse();
    assertThat(bucket.take(5 + SECOND - 1)).isFalse();
    assertThat(bucket.take(5 + SECOND)).isTrue();
    assertThat(bucket.take(5 + SECOND)).isFalse();
    for (int i = 0; i < 3; i++) {
      assertThat(bucket.take(5 + 100 * SECOND)).isTrue();
    }
    assertThat(bucket.take(5 + 100 * SECOND)).isFalse();
    // The clock's zero means nothing: it may be close to its greatest number.
    TokenBucket late = new TokenBucket(1, 1, Long.MAX_VALUE);
    assertThat(late.take(Long.MAX_VALUE)).isTrue();
    assertThat(late.take(Long.MIN_VALUE)).isFalse();
    assertThat(late.take(Long.MIN_VALUE + SECOND)).isTrue();
  }
}
