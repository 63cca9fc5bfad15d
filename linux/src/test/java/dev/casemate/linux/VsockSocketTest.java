package dev.casemate.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;

/** What needs no peer: no packet leaves this machine. */
class VsockSocketTest {
  private static final int PORT = 0x2000_0000 + Processes.currentPid();

  private static void requireVsock() {
    try {
      VsockSocket.listen(PORT + 1, 1).close();
    } catch (LinuxException e) {
      assumeTrue(e.errno() != Errno.EAFNOSUPPORT, "this machine has no vsock");
      throw e;
    }
  }

  @Test
  void listensOnAPortThatNoOtherHas() {
    requireVsock();
    try (Fd listener = VsockSocket.listen(PORT, 1)) {
      assertThat(VsockSocket.accept(listener)).isEmpty();
      assertThatThrownBy(() -> VsockSocket.listen(PORT, 1))
          .isInstanceOfSatisfying(
              LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EADDRINUSE));
    }
    VsockSocket.listen(PORT, 1).close();
  }

  @Test
  void namesAPeer() {
    assertThat(new VsockSocket.Peer(0xffffffffL, 1024)).hasToString("vsock 4294967295:1024");
  }
}
