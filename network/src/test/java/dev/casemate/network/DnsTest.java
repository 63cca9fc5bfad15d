package dev.casemate.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DnsTest {
  @TempDir Path directory;

  private Dns dns(DnsConfig config, boolean v6, String host, String systemd) throws Exception {
    Path hostFile = directory.resolve("resolv.conf");
    Path systemdFile = directory.resolve("systemd");
    Files.writeString(hostFile, host);
    if (!systemd.isEmpty()) {
      Files.writeString(systemdFile, systemd);
    }
    return Dns.forGuest(config, v6, hostFile.toString(), systemdFile.toString());
  }

  @Test
  void takesTheHosts() throws Exception {
    String text =
        "# comment\nnameserver 192.0.2.1\nnameserver\t2001:db8::1\ndomain a\nsearch b c\r\n"
            + "options ndots:3 edns0\nnameserver fe80::1%eth0\n;x\nsortlist 1.2.3.4\n";
    assertThat(dns(DnsConfig.HOST, false, text, ""))
        .isEqualTo(new Dns(List.of("192.0.2.1"), List.of("b", "c"), List.of("ndots:3", "edns0")));
    assertThat(dns(DnsConfig.HOST, true, text, "").nameservers())
        .containsExactly("192.0.2.1", "2001:db8::1");
  }

  @Test
  void looksBehindTheLoopback() throws Exception {
    String stub = "nameserver 127.0.0.53\noptions edns0\nsearch x\n";
    assertThat(dns(DnsConfig.HOST, false, stub, "nameserver 192.0.2.9\n").resolvConf())
        .isEqualTo("search x\nnameserver 192.0.2.9\noptions edns0\n");
    assertThat(
            dns(DnsConfig.HOST, false, "nameserver 127.0.0.1\nnameserver ::1\n", "").nameservers())
        .containsExactly("8.8.8.8", "8.8.4.4");
    assertThat(dns(DnsConfig.HOST, false, "", "").nameservers())
        .containsExactly("8.8.8.8", "8.8.4.4");
  }

  @Test
  void obeysTheUser() throws Exception {
    DnsConfig wish = new DnsConfig(List.of("127.0.0.1"), List.of(), List.of("rotate"));
    assertThat(dns(wish, false, "nameserver 192.0.2.1\nsearch y\n", ""))
        .isEqualTo(new Dns(List.of("127.0.0.1"), List.of("y"), List.of("rotate")));
    assertThatThrownBy(
            () -> dns(new DnsConfig(List.of("dns.example"), List.of(), List.of()), false, "", ""))
        .hasMessageContaining("not an IP address");
  }
}
