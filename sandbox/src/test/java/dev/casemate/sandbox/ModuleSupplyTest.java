package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.oci.Spec;
import org.junit.jupiter.api.Test;

class ModuleSupplyTest {
  private static boolean isLikely(String text) {
    return ModuleSupply.isLikely(Spec.parse(text));
  }

  @Test
  void aGuestThatAsksWithoutEndIsAnsweredSlowlyAndNeverRefused() {
    assertThat(ModuleSupply.pauseMillis(1)).isZero();
    assertThat(ModuleSupply.pauseMillis(ModuleSupply.PROMPT_WISHES)).isZero();
    // Fifty answers in a second cost the host nothing, however long it lasts.
    assertThat(ModuleSupply.pauseMillis(ModuleSupply.PROMPT_WISHES + 1L)).isEqualTo(20);
    assertThat(ModuleSupply.pauseMillis(Long.MAX_VALUE)).isEqualTo(20);
  }

  @Test
  void whoAdministersTheNetworkOrHasATunnelIsLikelyToNeedModules() {
    assertThat(isLikely("{'ociVersion':'1.0.2'}".replace('\'', '"'))).isFalse();
    for (String capability : new String[] {"CAP_NET_ADMIN", "CAP_SYS_ADMIN"}) {
      String process =
          "{'ociVersion':'1.0.2','process':{'cwd':'/','args':['a'],'capabilities':{'bounding':['"
              + capability
              + "']}}}";
      assertThat(isLikely(process.replace('\'', '"'))).as(capability).isTrue();
    }
    String tunnel =
        "{'ociVersion':'1.0.2','linux':{'devices':[{'path':'/dev/net/tun','type':'c','major':10,"
            + "'minor':200}]}}";
    assertThat(isLikely(tunnel.replace('\'', '"'))).isTrue();
  }
}
