package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class IdentityTest {
  @Test
  void hashesAsTheJdkDoes() throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    for (int length = 0; length < 200; length++) {
      byte[] message = "x".repeat(length).getBytes(StandardCharsets.UTF_8);
      assertThat(Sha256.hex(message))
          .as("%d bytes", length)
          .isEqualTo(HexFormat.of().formatHex(digest.digest(message)));
    }
  }

  /** containerd's runtime/v2/shim/util_unix.go, SocketAddress: sha256 of the joined path. */
  @Test
  void listensWhereContainerdsShimsDo() throws Exception {
    byte[] joined = "/run/containerd/containerd.sock/k8s.io/pod".getBytes(StandardCharsets.UTF_8);
    String hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(joined));

    String path = Identity.socketPath("", "/run/containerd/containerd.sock", "k8s.io", "pod");

    assertThat(path).isEqualTo("/run/containerd/s/" + hash);
    assertThat(Identity.socketPath("", "/run/containerd//containerd.sock", "k8s.io", "pod"))
        .isEqualTo(path);
    assertThat(Identity.socketPath("/x", "a", "b", "c")).startsWith("/x/").hasSize(67);
  }

  @Test
  void sameIdsOfOtherNamespacesOrContainerdsAreOtherSandboxes() {
    String one = Identity.sandboxId("/run/a.sock", "default", "c1");

    assertThat(one).hasSize(32);
    assertThat(Identity.sandboxId("/run/a.sock", "other", "c1")).isNotEqualTo(one);
    assertThat(Identity.sandboxId("/run/b.sock", "default", "c1")).isNotEqualTo(one);
  }
}
