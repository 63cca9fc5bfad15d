package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.sandbox.SandboxPaths;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

/** When a shim ends, without a VM. */
class ShimStateTest {
  private static final long LIMIT_NANOS = 50_000_000L;

  private final ShimState state =
      new ShimState(new SandboxPaths("/tmp/none", "/tmp/none"), LIMIT_NANOS);

  private CompletableFuture<Void> end() {
    return CompletableFuture.runAsync(
        () -> {
          try {
            state.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
  }

  @Test
  void endsWhenNobodyUsesIt() throws Exception {
    end().get(10, TimeUnit.SECONDS);
    assertThatThrownBy(state::use).hasMessageContaining("start another");
  }

  @Test
  void livesAsLongAsSomebodyUsesIt() throws Exception {
    state.use();
    CompletableFuture<Void> end = end();
    assertThatThrownBy(() -> end.get(4 * LIMIT_NANOS, TimeUnit.NANOSECONDS))
        .isInstanceOf(TimeoutException.class);
    state.release();
    end.get(10, TimeUnit.SECONDS);
  }

  @Test
  void aPodThatWasMadeStaysUntilItIsToldToEnd() throws Exception {
    state.use();
    state.keepPod();
    state.release();
    CompletableFuture<Void> end = end();
    assertThatThrownBy(() -> end.get(4 * LIMIT_NANOS, TimeUnit.NANOSECONDS))
        .isInstanceOf(TimeoutException.class);
    state.shutdown();
    end.get(10, TimeUnit.SECONDS);
    assertThat(state.find()).isEmpty();
  }

  @Test
  void aPodThatCouldNotBeMadeKeepsNoShim() throws Exception {
    // What the sandbox service does if its request is refused.
    state.use();
    state.release();
    end().get(10, TimeUnit.SECONDS);
  }
}
