package dev.casemate.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.Errno;
import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Attempts end as the test says: 0 connects, −1 stays open, else the errno. */
class AgentDialTest {
  private final List<Fd> opened = new ArrayList<>();

  private final class Attempts implements AgentDial.Attempt {
    private final int[] outcomes;
    private int made;

    private Attempts(int... outcomes) {
      this.outcomes = outcomes;
    }

    @Override
    public Fd begin() {
      Fd socket = EventFd.open();
      opened.add(socket);
      return socket;
    }

    @Override
    public boolean finish(Fd socket, int timeoutMillis) {
      int outcome = outcomes[Math.min(made, outcomes.length - 1)];
      if (outcome < 0) {
        return false;
      }
      made++;
      if (outcome > 0) {
        throw new LinuxException("connect", "a test", outcome);
      }
      return true;
    }
  }

  @AfterEach
  void close() {
    opened.forEach(Fd::close);
  }

  @Test
  void triesAgainUntilTheAgentListens() {
    Attempts attempts =
        new Attempts(Errno.ETIMEDOUT, Errno.ECONNRESET, Errno.ENODEV, Errno.EHOSTUNREACH, 0);
    Optional<Fd> connected = AgentDial.dial(attempts, 10_000, () -> false);
    assertThat(connected).contains(opened.getLast());
    assertThat(opened).hasSize(5);
    assertThat(opened.stream().filter(Fd::isOpen)).containsExactly(opened.getLast());
  }

  @Test
  void givesUpInTime() {
    assertThat(AgentDial.dial(new Attempts(Errno.ECONNRESET), 30, () -> false)).isEmpty();
    assertThat(AgentDial.dial(new Attempts(-1), 30, () -> false)).isEmpty();
    assertThat(opened).noneMatch(Fd::isOpen);
  }

  @Test
  void givesUpWithTheVm() {
    int[] asked = new int[1];
    assertThat(AgentDial.dial(new Attempts(-1), 60_000, () -> ++asked[0] > 3)).isEmpty();
    assertThat(opened).hasSize(1).noneMatch(Fd::isOpen);
  }

  @Test
  void tellsWhatTimeDoesNotMend() {
    Attempts attempts = new Attempts(Errno.EACCES);
    assertThatThrownBy(() -> AgentDial.dial(attempts, 60_000, () -> false))
        .isInstanceOfSatisfying(
            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EACCES));
    assertThat(opened).hasSize(1).noneMatch(Fd::isOpen);
  }
}
