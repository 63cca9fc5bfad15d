package dev.casemate.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.IpAddress;
import java.net.InetAddress;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AddressesTest {
  @ParameterizedTest
  @CsvSource({
    "192.0.2.1,192.0.2.1",
    "0.0.0.0,0.0.0.0",
    "::,::",
    "::1,::1",
    "2001:DB8::1,2001:db8::1",
    "2001:db8:0:0:1:0:0:1,2001:db8::1:0:0:1",
    "2001:db8:0:1:1:1:1:1,2001:db8:0:1:1:1:1:1",
    "fe80::,fe80::",
    "1:2:3:4:5:6:7:8,1:2:3:4:5:6:7:8",
    "::ffff:192.0.2.1,::ffff:c000:201",
    "1:2:3:4:5:6:7::,1:2:3:4:5:6:7:0",
    "::2:3:4:5:6:7:8,0:2:3:4:5:6:7:8",
  })
  void readsAndWrites(String text, String canonical) {
    assertThat(IpAddress.parse(text)).hasToString(canonical);
    assertThat(IpAddress.parse(canonical)).isEqualTo(IpAddress.parse(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "1..2.3", ".1.2.3",
        ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "1:", ":1",
        "::1.2.3", "1.2.3.4::", "1:2:3:4:5:6:7:8::", "::1%eth0", "[::1]", "1:2:3:4:5:6:7:1.2.3.4"
      })
  void refuses(String text) {
    assertThatThrownBy(() -> IpAddress.parse(text)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void agreesWithTheJdk() throws Exception {
    Random random = new Random(1);
    for (int i = 0; i < 2000; i++) {
      byte[] bytes = new byte[i % 2 == 0 ? 4 : 16];
      random.nextBytes(bytes);
      for (int k = 0; k < bytes.length; k++) {
        if (random.nextInt(3) > 0) {
          bytes[k] = 0;
        }
      }
      IpAddress address = IpAddress.of(bytes);
      assertThat(IpAddress.parse(address.toString())).isEqualTo(address);
      InetAddress theirs = InetAddress.getByName(address.toString());
      assertThat(theirs.getAddress()).endsWith(bytes.length == 4 ? bytes : theirs.getAddress());
      assertThat(IpAddress.parse(InetAddress.getByAddress(bytes).getHostAddress()).bytes())
          .endsWith(bytes.length == 4 ? bytes : new byte[0]);
    }
  }

  @Test
  void networks() {
    IpNetwork network = IpNetwork.parse("10.87.5.9/20");
    assertThat(network.masked()).hasToString("10.87.0.0/20");
    assertThat(network.last()).hasToString("10.87.15.255");
    assertThat(network.contains(IpAddress.parse("10.87.15.1"))).isTrue();
    assertThat(network.contains(IpAddress.parse("10.87.16.1"))).isFalse();
    assertThat(network.contains(IpAddress.parse("::1"))).isFalse();
    assertThat(network.overlaps(IpNetwork.parse("10.0.0.0/8"))).isTrue();
    assertThat(network.overlaps(IpNetwork.parse("10.87.8.1"))).isTrue();
    assertThat(network.overlaps(IpNetwork.parse("10.88.0.0/16"))).isFalse();
    assertThat(IpNetwork.parse("2001:db8::5/33").masked()).hasToString("2001:db8::/33");
    assertThatThrownBy(() -> IpNetwork.parse("10.0.0.0/33"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> IpNetwork.parse("10.0.0.0/x"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void macs() {
    assertThat(MacAddress.parse("02:00:5E:10:00:fF")).hasToString("02:00:5e:10:00:ff");
    assertThat(MacAddress.parse("01:00:5e:00:00:01").isMulticast()).isTrue();
    for (String wrong :
        new String[] {"", "02:00:5e:10:00", "02-00-5e-10-00-ff", "x2:00:5e:10:00:ff"}) {
      assertThatThrownBy(() -> MacAddress.parse(wrong))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}
