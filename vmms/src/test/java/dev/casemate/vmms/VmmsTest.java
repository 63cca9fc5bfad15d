package dev.casemate.vmms;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import org.junit.jupiter.api.Test;

class VmmsTest {
  @Test
  void everyNameHasItsDriver() {
    assertThat(Vmms.names()).startsWith(Vmms.DEFAULT);
    for (String name : Vmms.names()) {
      assertThat(Vmms.has(name)).isTrue();
      assertThat(Vmms.named(name).name()).isEqualTo(name);
    }
  }

  @Test
  void anUnknownDriverIsRefusedWithTheKnownOnes() {
    assertThat(Vmms.has("bochs")).isFalse();
    assertThatThrownBy(() -> Vmms.named("bochs"))
        .isInstanceOf(CasemateException.class)
        .hasMessage("hypervisor \"bochs\" is unknown; this build has: qemu");
  }
}
