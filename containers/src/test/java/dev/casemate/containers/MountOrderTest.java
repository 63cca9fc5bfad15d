package dev.casemate.containers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.oci.MountSpec;
import java.util.List;
import org.junit.jupiter.api.Test;

class MountOrderTest {
  private static MountSpec mount(String destination) {
    return MountSpec.of(destination, "bind", "/source", "rbind");
  }

  private static List<String> merged(String... asked) {
    List<MountSpec> plain = List.of(mount("/proc"), mount("/dev"), mount("/dev/shm"));
    return MountOrder.merge(plain, List.of(asked).stream().map(MountOrderTest::mount).toList())
        .stream()
        .map(MountSpec::destination)
        .toList();
  }

  @Test
  void aDirectoryComesBeforeWhatIsInIt() {
    assertThat(merged("/w/c", "/w", "/a/b/c", "/w/../x//y/."))
        .containsExactly("/proc", "/dev", "/dev/shm", "/w", "/w/c", "/w/../x//y/.", "/a/b/c");
  }

  @Test
  void theUsersMountReplacesAPlainOne() {
    assertThat(merged("/dev/shm/")).containsExactly("/proc", "/dev", "/dev/shm/");
  }

  @Test
  void volumesOverlapByDirectoriesNotByLetters() {
    assertThat(SharedVolumes.overlap("/srv/a", "/srv/a")).isTrue();
    assertThat(SharedVolumes.overlap("/srv/a/b", "/srv/a")).isTrue();
    assertThat(SharedVolumes.overlap("/srv", "/srv/a")).isTrue();
    assertThat(SharedVolumes.overlap("/", "/srv/a")).isTrue();
    assertThat(SharedVolumes.overlap("/srv/ab", "/srv/a")).isFalse();
  }

  @Test
  void refusesTwoAtOnePlaceAndTheRoot() {
    assertThatThrownBy(() -> merged("/w", "//w/."))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("mount point \"//w/.\" is given twice");
    assertThatThrownBy(() -> merged("/x/..")).hasMessageContaining("is the root");
  }
}
