package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import java.util.List;
import org.junit.jupiter.api.Test;

class ShimFlagsTest {
  /** The line that containerd 1.6 writes: its runtime/v2/shim/util.go, Command. */
  @Test
  void readsContainerdsLine() {
    ShimFlags flags =
        ShimFlags.parse(
            List.of(
                "-namespace",
                "k8s.io",
                "-address",
                "/run/containerd/containerd.sock",
                "-publish-binary",
                "/usr/bin/containerd",
                "-id",
                "c1",
                "-debug",
                "start"));

    assertThat(flags.namespace()).isEqualTo("k8s.io");
    assertThat(flags.id()).isEqualTo("c1");
    assertThat(flags.address()).isEqualTo("/run/containerd/containerd.sock");
    assertThat(flags.publishBinary()).isEqualTo("/usr/bin/containerd");
    assertThat(flags.debug()).isTrue();
    assertThat(flags.action()).isEqualTo("start");
  }

  @Test
  void readsGosOtherForms() {
    ShimFlags flags =
        ShimFlags.parse(
            List.of("--namespace=n", "--id=x", "-debug=false", "-socket=unix:///run/s", "delete"));

    assertThat(flags.namespace()).isEqualTo("n");
    assertThat(flags.debug()).isFalse();
    assertThat(flags.socket()).isEqualTo("/run/s");
    assertThat(flags.action()).isEqualTo("delete");
  }

  @Test
  void refusesWhatItDoesNotKnow() {
    assertThatThrownBy(() -> ShimFlags.parse(List.of("-bogus", "start")))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("-bogus");
    assertThatThrownBy(() -> ShimFlags.parse(List.of("-id")))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("no value");
  }

  @Test
  void idsCannotLeaveTheirDirectory() {
    ShimFlags flags = ShimFlags.parse(List.of("-namespace", "n", "-id", "../../etc", "start"));

    assertThatThrownBy(flags::requireIdentity)
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("../../etc");
  }
}
