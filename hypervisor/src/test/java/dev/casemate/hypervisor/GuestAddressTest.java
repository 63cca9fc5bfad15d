package dev.casemate.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class GuestAddressTest {
  @Test
  void textsAreInKatasNotation() {
    assertThat(GuestAddress.PciPath.root(5).text()).isEqualTo("05");
    assertThat(new GuestAddress.PciPath(List.of(slot(0x1b, 2), slot(0, 0))).text())
        .isEqualTo("1b.2/00");
    assertThat(new GuestAddress.Mmio("/dev/vda").text()).isEqualTo("/dev/vda");
    assertThat(new GuestAddress.Ccw(0, 0xa5).text()).isEqualTo("0.0.00a5");
  }

  private static GuestAddress.PciPath.Slot slot(int device, int function) {
    return new GuestAddress.PciPath.Slot(device, function);
  }

  @Test
  void whatNoGuestCanHaveIsRefused() {
    assertThatThrownBy(() -> GuestAddress.PciPath.root(32)).hasMessageContaining("32.0");
    assertThatThrownBy(() -> new GuestAddress.Mmio("vda")).hasMessageContaining("vda");
    assertThatThrownBy(() -> new GuestAddress.Ccw(4, 0)).hasMessageContaining("4.0");
  }
}
