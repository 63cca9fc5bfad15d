package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.IpAddress;
import java.util.List;
import org.junit.jupiter.api.Test;

class RelayedResolverTest {
  private static List<String> loopback(String... lines) {
    return RelayedResolver.loopback(String.join("\n", lines)).stream()
        .map(IpAddress::toString)
        .toList();
  }

  @Test
  void onlyServersOnTheLoopbackInterface() {
    assertThat(loopback("search demo", "nameserver 127.0.0.11", "options ndots:0"))
        .containsExactly("127.0.0.11");
    assertThat(loopback("nameserver 192.0.2.1", "nameserver\t::1 ", "#nameserver 127.0.0.1"))
        .containsExactly("::1");
    assertThat(loopback("")).isEmpty();
  }

  @Test
  void rubbishIsPassedOverAndMoreThanThreeAre() {
    assertThat(
            loopback(
                "nameserver",
                "nameserver 127.0.0.1 127.0.0.2",
                "nameserver 127.0.0.1",
                "nameserver 127.0.0.1",
                "nameserver 127.0.0.2",
                "nameserver 127.0.0.3",
                "nameserver 127.0.0.4"))
        .containsExactly("127.0.0.1", "127.0.0.2", "127.0.0.3");
  }
}
