package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.Mounts;
import java.util.List;
import org.junit.jupiter.api.Test;

class MountOptionsTest {
  @Test
  void separatesFlagsFromTheFileSystemsOwn() {
    MountOptions options =
        MountOptions.parse(
            List.of("ro", "nodev", "nosuid", "size=64m", "mode=1777", "defaults", "x-a.b"));
    assertThat(options.flags()).isEqualTo(Mounts.RDONLY | Mounts.NODEV | Mounts.NOSUID);
    assertThat(options.data()).isEqualTo("size=64m,mode=1777");
  }

  @Test
  void letsALaterWordTakeBackAnEarlierOne() {
    assertThat(MountOptions.parse(List.of("ro", "noexec", "rw")).flags()).isEqualTo(Mounts.NOEXEC);
  }

  @Test
  void findsTheLastValue() {
    List<String> options = List.of("upperdir=/a", "upperdirx=/b", "upperdir=/c=d");
    assertThat(MountOptions.value(options, "upperdir")).contains("/c=d");
    assertThat(MountOptions.value(options, "workdir")).isEmpty();
  }

  @Test
  void saysThatThereAreTooMany() {
    assertThatThrownBy(() -> MountOptions.parse(List.of("lowerdir=" + "/x:".repeat(2000))))
        .hasMessageContaining("4095");
  }

  @Test
  void readsModesAndIds() {
    assertThat(Numbers.parseMode("1777")).isEqualTo(01777);
    assertThat(Numbers.parseId("4294967294")).isEqualTo(-2);
    assertThatThrownBy(() -> Numbers.parseMode("8")).hasMessageContaining("octal");
    assertThatThrownBy(() -> Numbers.parseId("-1")).hasMessageContaining("id");
    assertThatThrownBy(() -> Numbers.parseId("root")).hasMessageContaining("id");
  }
}
