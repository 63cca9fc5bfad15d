package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Mounts;
import java.util.List;
import org.junit.jupiter.api.Test;

class RootMountsTest {
  @Test
  void separatesFlagsFromData() {
    RootMounts.Options options =
        RootMounts.Options.parse(
            List.of("ro", "nosuid", "index=off", "workdir=/w", "upperdir=/u", "lowerdir=/a:/b"));

    assertThat(options.flags()).isEqualTo(Mounts.RDONLY | Mounts.NOSUID);
    assertThat(options.data()).isEqualTo("index=off,workdir=/w,upperdir=/u,lowerdir=/a:/b");
  }

  @Test
  void knowsBinds() {
    assertThat(RootMounts.Options.parse(List.of("rbind", "rw")))
        .isEqualTo(new RootMounts.Options(Mounts.BIND | Mounts.REC, ""));
  }
}
