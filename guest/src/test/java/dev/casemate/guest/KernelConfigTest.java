package dev.casemate.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KernelConfigTest {
  @TempDir Path scratch;

  @Test
  void ownOptionsHaveWhatAGuestNeeds() {
    assertThat(KernelConfig.lean().fragment())
        .contains("CONFIG_PVH=y\n", "CONFIG_CGROUP_BPF=y\n", "CONFIG_EROFS_FS=y\n")
        .doesNotContain("|");
  }

  @Test
  void saysWhatWasLost() {
    KernelConfig config = KernelConfig.lean();
    assertThat(config.lost(Map.of("CONFIG_PVH", "y")))
        .contains("CONFIG_EROFS_FS=y")
        .doesNotContain("CONFIG_PVH=y");
  }

  @Test
  void takesEitherNameOfARenamedOption() throws IOException {
    KernelConfig config = with("CONFIG_OLD=y | CONFIG_NEW=y\n");
    assertThat(config.fragment()).contains("CONFIG_OLD=y\nCONFIG_NEW=y\n");
    assertThat(config.lost(Map.of("CONFIG_NEW", "y")))
        .doesNotContain("CONFIG_OLD=y | CONFIG_NEW=y");
    assertThat(config.lost(Map.of())).contains("CONFIG_OLD=y | CONFIG_NEW=y");
  }

  @Test
  void usersOptionsWin() throws IOException {
    KernelConfig config = with("# CONFIG_XFS_FS is not set\nCONFIG_BTRFS_FS=y\n\n# remark\n");
    assertThat(config.fragment())
        .contains("CONFIG_XFS_FS=n\n", "CONFIG_BTRFS_FS=y\n")
        .doesNotContain("CONFIG_XFS_FS=y");
    assertThat(config.lost(Map.of())).doesNotContain("CONFIG_XFS_FS=n");
    assertThat(config.lost(Map.of("CONFIG_XFS_FS", "y"))).contains("CONFIG_XFS_FS=n");
  }

  @Test
  void refusesWhatIsNoOption() {
    assertThatThrownBy(() -> with("CONFIG_A=y\nXFS=y\n"))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("line 2 is 'XFS=y'");
  }

  @Test
  void readsADotConfig() throws IOException {
    Path file = scratch.resolve(".config");
    Files.writeString(file, "# CONFIG_A is not set\nCONFIG_B=y\nCONFIG_C=\"a=b\"\n");
    assertThat(KernelConfig.options(file))
        .isEqualTo(Map.of("CONFIG_B", "y", "CONFIG_C", "\"a=b\""));
  }

  private KernelConfig with(String additions) throws IOException {
    Path file = scratch.resolve("additions");
    Files.writeString(file, additions);
    KernelConfig config = KernelConfig.lean();
    config.add(file);
    return config;
  }
}
