package dev.casemate.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Errno;
import dev.casemate.linux.LinuxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VhostVsockTest {
  /** CIDs from 5 on; those of {@code taken} are another VM's, and those that were claimed. */
  private static final class Numbers implements VhostVsock.Cids {
    private final Set<Long> taken;
    private long last = 4;

    private Numbers(Set<Long> taken) {
      this.taken = new HashSet<>(taken);
    }

    @Override
    public long next() {
      return ++last;
    }

    @Override
    public int claim(long cid) {
      return taken.add(cid) ? 0 : Errno.EADDRINUSE;
    }
  }

  @Test
  void takesTheFirstCidThatTheKernelGrants() {
    Numbers numbers = new Numbers(Set.of(5L, 6L));
    assertThat(VhostVsock.choose(numbers)).isEqualTo(7);
    numbers.last = 4;
    assertThat(VhostVsock.choose(numbers)).as("CID of a second VM").isEqualTo(8);
  }

  /** The same CID each time, and the same answer to it. */
  private record AlwaysFive(int errno) implements VhostVsock.Cids {
    @Override
    public long next() {
      return 5;
    }

    @Override
    public int claim(long cid) {
      return errno;
    }
  }

  @Test
  void givesUpWhereNoneIsFree() {
    VhostVsock.Cids none = new AlwaysFive(Errno.EADDRINUSE);
    assertThatThrownBy(() -> VhostVsock.choose(none))
        .isInstanceOfSatisfying(
            CasemateException.class,
            e -> assertThat(e.kind()).isEqualTo(CasemateException.Kind.RESOURCE_EXHAUSTED));
  }

  @Test
  void tellsAnyOtherError() {
    VhostVsock.Cids odd = new AlwaysFive(Errno.ENOTTY);
    assertThatThrownBy(() -> VhostVsock.choose(odd))
        .isInstanceOf(LinuxException.class)
        .hasMessageContaining("CID 5");
  }

  @Test
  void theDoctorTellsWhetherItCanBeUsed(@TempDir Path root) throws Exception {
    Finding without = new HostChecks(root.toString()).vhostVsock();
    assertThat(without.level()).isEqualTo(Finding.Level.OK);
    assertThat(without.detail()).contains("cannot be used", "modprobe vhost_vsock");
    Files.createDirectories(root.resolve("dev"));
    Files.createFile(root.resolve("dev/vhost-vsock"));
    assertThat(new HostChecks(root.toString()).vhostVsock().detail())
        .contains("can be opened", "\"vsock\"");
  }
}
