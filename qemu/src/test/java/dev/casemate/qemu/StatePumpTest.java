package dev.casemate.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Pipe;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a QEMU that its guest has taken over sends as its state. */
@Timeout(30)
class StatePumpTest {
  private static final int LIMIT = 1 << 20;

  @TempDir Path directory;

  private Fd file() {
    return Fs.open(
        directory.resolve("state").toString(), OpenFlag.WRITE_ONLY | OpenFlag.CREATE, 0600);
  }

  private static Kind kind(StatePump pump, int millis) {
    try {
      pump.end(millis);
    } catch (CasemateException e) {
      return e.kind();
    }
    throw new AssertionError("no failure");
  }

  @Test
  void aStateWithoutEndStopsAtItsLimit() {
    Pipe pipe = Pipe.open();
    try (Fd to = file();
        Fd qemu = pipe.write()) {
      StatePump pump = new StatePump("vm", pipe.read(), to, pipe.read(), LIMIT);
      // The pipe breaks for whom it would never end.
      assertThatThrownBy(
              () -> {
                while (true) {
                  qemu.writeAll(new byte[64 * 1024]);
                }
              })
          .isInstanceOf(LinuxException.class)
          .hasMessageContaining("EPIPE");
      assertThat(kind(pump, 10_000)).isEqualTo(Kind.RESOURCE_EXHAUSTED);
      assertThat(Fs.stat(to).size()).isLessThanOrEqualTo(LIMIT);
    }
  }

  @Test
  void aStateThatOnlySaysItsEndIsGivenUp() {
    Pipe pipe = Pipe.open();
    try (Fd to = file();
        Fd qemu = pipe.write()) {
      StatePump pump = new StatePump("vm", pipe.read(), to, pipe.read(), LIMIT);
      qemu.writeAll(new byte[100]);
      assertThat(kind(pump, 200)).isEqualTo(Kind.TIMEOUT);
    }
  }

  @Test
  void aVmsMemoryIsWithinTheLimit() {
    for (int mib : new int[] {64, 512, 1 << 22}) {
      long pages = ((long) mib << 20) / 4096;
      assertThat(StatePump.limit(mib)).isGreaterThan(pages * (4096 + 16)).isPositive();
    }
  }
}
