package dev.casemate.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.IpAddress;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.MacAddress;
import dev.casemate.netlink.NetworkRoute;
import dev.casemate.netlink.RouteNetlink;
import dev.casemate.testsupport.Wait;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Packets, through a real kernel, to and from a guest that is played by {@link TestGuest}. */
@Tag("root")
class BridgeNetworkTest {
  @TempDir Path directory;
  private TestHost host;

  @BeforeEach
  void createHost() {
    host = new TestHost(directory);
  }

  @AfterEach
  void destroyHost() {
    host.close();
  }

  private static NetworkConfig publish(String... mappings) {
    List<PortMapping> all = new java.util.ArrayList<>();
    for (String mapping : mappings) {
      all.addAll(PortMapping.parse(mapping));
    }
    return NetworkConfig.bridge(all);
  }

  private void assertNothingLeft() {
    assertThat(host.state()).isEqualTo(host.stateBefore());
    assertThat(host.<List<Leftover>>onHost(() -> host.networks().leftovers(java.util.Set.of())))
        .isEmpty();
  }

  @Test
  void describesTheGuestsInterface() {
    SandboxNetwork network = host.attach("one", NetworkConfig.bridge());

    assertThat(network.netnsPath()).isEqualTo(host.run + "/netns/one");
    Endpoint endpoint = network.endpoints().get(0);
    assertThat(endpoint.interfaceName()).isEqualTo("eth0");
    assertThat(endpoint.tapName()).isEqualTo("tap0");
    assertThat(endpoint.mtu()).as("the uplink's").isEqualTo(1400);
    assertThat(endpoint.addresses()).containsExactly(IpNetwork.parse("10.87.0.2/16"));
    assertThat(endpoint.mac()).isEqualTo(MacAddress.parse("02:ca:0a:57:00:02"));
    assertThat(endpoint.routes()).hasSize(1);
    assertThat(endpoint.routes().get(0).isDefault()).isTrue();
    assertThat(endpoint.routes().get(0).gateway()).contains(IpAddress.parse("10.87.0.1"));
    assertThat(host.networks().find("one")).contains(network);
    assertThat(host.networks().find("two")).isEmpty();
    assertThatThrownBy(() -> host.attach("one", NetworkConfig.bridge()))
        .hasMessageContaining("sandbox one already has a network");

    host.release("one");
    assertThat(host.networks().find("one")).isEmpty();
    assertNothingLeft();
  }

  @Test
  void answersPingFromHostAndOtherGuests() throws Exception {
    try (TestGuest one = new TestGuest(host.attach("one", NetworkConfig.bridge()));
        TestGuest two = new TestGuest(host.attach("two", NetworkConfig.bridge()))) {
      boolean reachable =
          host.onHost(() -> InetAddress.getByName(one.address().toString()).isReachable(3000));
      assertThat(reachable).isTrue();
      MacAddress mac = two.resolve(one.address());
      two.sendUdp(mac, two.address(), 31000, one.address(), 7);
      TestGuest.Udp answer = two.receive(2000).orElseThrow();
      assertThat(answer.source()).isEqualTo(one.address());
    }
  }

  @Test
  void reachesTheOutsideByNat() throws Exception {
    try (TestGuest guest = new TestGuest(host.attach("one", NetworkConfig.bridge()));
        DatagramSocket server = host.outside(() -> new DatagramSocket(5353))) {
      MacAddress gateway = guest.resolve(IpAddress.parse("10.87.0.1"));
      guest.sendUdp(gateway, guest.address(), 31001, IpAddress.parse(TestHost.OUTSIDE), 5353);
      DatagramPacket packet = new DatagramPacket(new byte[10], 10);
      server.setSoTimeout(3000);
      server.receive(packet);
      assertThat(packet.getAddress().getHostAddress()).isEqualTo(TestHost.HOST);
      server.send(packet);
      TestGuest.Udp answer = guest.receive(3000).orElseThrow();
      assertThat(answer.source()).isEqualTo(IpAddress.parse(TestHost.OUTSIDE));
      assertThat(answer.port()).isEqualTo(31001);
      assertThat(answer.data()).containsExactly('h', 'i');
    }
  }

  @Test
  void publishesPorts() throws Exception {
    SandboxNetwork network =
        host.attach(
            "one",
            publish("8080:80", "5300:53/udp", "127.0.0.1:8081:80", ":443", "192.0.2.1:99:9"));
    try (TestGuest guest = new TestGuest(network);
        TestGuest other = new TestGuest(host.attach("two", NetworkConfig.bridge()))) {
      int chosen = network.published().get(4).hostPort();
      assertThat(chosen).isGreaterThan(1023);
      for (String address : new String[] {"127.0.0.1", "127.0.0.5", TestHost.HOST, "10.87.0.1"}) {
        assertThat(host.<Boolean>onHost(() -> TestHost.connects(address, 8080)))
            .as(address)
            .isTrue();
        assertThat(host.<Optional<String>>onHost(() -> TestHost.echo(address, 5300)))
            .as(address)
            .contains(address + ":5300");
        assertThat(host.<Boolean>onHost(() -> TestHost.connects(address, chosen))).isTrue();
        assertThat(host.<Boolean>onHost(() -> TestHost.connects(address, 8081)))
            .isEqualTo(address.equals("127.0.0.1"));
        assertThat(host.<Boolean>onHost(() -> TestHost.connects(address, 99)))
            .isEqualTo(address.equals(TestHost.HOST));
      }
      assertThat(host.<Boolean>outside(() -> TestHost.connects(TestHost.HOST, 8080))).isTrue();
      assertThat(host.<Boolean>outside(() -> TestHost.connects(TestHost.HOST, 99))).isTrue();
      assertThat(host.<Optional<String>>outside(() -> TestHost.echo(TestHost.HOST, 5300)))
          .contains(TestHost.HOST + ":5300");
      assertThat(host.<Boolean>outside(() -> TestHost.connects(TestHost.HOST, 8081))).isFalse();
      assertThat(host.<Boolean>outside(() -> TestHost.connects(TestHost.HOST, 80))).isFalse();

      // From a guest, by the host's address: another one's port, and its own.
      guest.receive(0);
      for (TestGuest from : new TestGuest[] {other, guest}) {
        MacAddress gateway = from.resolve(IpAddress.parse("10.87.0.1"));
        while (from.receive(0).isPresent()) {
          // What came before does not count.
        }
        from.sendUdp(gateway, from.address(), 31002, IpAddress.parse(TestHost.HOST), 5300);
        TestGuest.Udp answer = from.receive(2000).orElseThrow();
        if (from == guest) {
          assertThat(answer.source()).isEqualTo(IpAddress.parse("10.87.0.1"));
          answer = from.receive(2000).orElseThrow();
        }
        assertThat(answer.source()).isEqualTo(IpAddress.parse(TestHost.HOST));
        assertThat(answer.sourcePort()).isEqualTo(5300);
      }
    }
    host.release("one");
    assertThat(host.<Boolean>onHost(() -> TestHost.connects("127.0.0.1", 8080))).isFalse();
    host.release("two");
    assertNothingLeft();
  }

  @Test
  void shieldsHostAndGuests() throws Exception {
    SandboxNetwork network = host.attach("one", NetworkConfig.bridge());
    try (TestGuest guest = new TestGuest(network);
        DatagramSocket local =
            host.onHost(() -> new DatagramSocket(7777, InetAddress.getByName("127.0.0.1")));
        DatagramSocket server = host.outside(() -> new DatagramSocket(5353));
        RouteNetlink outside = host.outside(RouteNetlink::open)) {
      MacAddress gateway = guest.resolve(IpAddress.parse("10.87.0.1"));
      guest.sendUdp(gateway, guest.address(), 31003, IpAddress.parse("127.0.0.1"), 7777);
      DatagramPacket packet = new DatagramPacket(new byte[10], 10);
      local.setSoTimeout(500);
      assertThatThrownBy(() -> local.receive(packet))
          .isInstanceOf(java.net.SocketTimeoutException.class);
      // A forged source.
      guest.sendUdp(
          gateway, IpAddress.parse("192.0.2.77"), 31003, IpAddress.parse(TestHost.OUTSIDE), 5353);
      server.setSoTimeout(500);
      assertThatThrownBy(() -> server.receive(packet))
          .isInstanceOf(java.net.SocketTimeoutException.class);
      // A neighbour of the host that routes to the guests, past NAT.
      outside.replaceRoute(
          NetworkRoute.via(IpNetwork.parse("10.87.0.0/16"), IpAddress.parse(TestHost.HOST), 0));
      assertThat(host.<Boolean>outside(() -> TestHost.connects(guest.address().toString(), 80)))
          .isFalse();
      assertThat(host.<Boolean>onHost(() -> TestHost.connects(guest.address().toString(), 80)))
          .isTrue();
    }
  }

  /** The host's default route and addresses of IPv6, where a guest would change them. */
  private List<String> v6() {
    return host.onHost(
        () -> {
          List<String> all = new java.util.ArrayList<>();
          try (RouteNetlink route = RouteNetlink.open()) {
            for (NetworkRoute r : route.routes()) {
              if (r.destination().address().isV6() && r.isDefault() && r.gateway().isPresent()) {
                all.add(r.toString());
              }
            }
            route.addresses().stream()
                .map(a -> a.network().toString())
                .filter(a -> a.startsWith("2001:db8:5:"))
                .forEach(all::add);
          }
          return all;
        });
  }

  @Test
  void aGuestCannotBecomeTheHostsRouter() throws Exception {
    SandboxNetwork network = host.attach("one", NetworkConfig.bridge());
    String name = Names.bridge(host.run.toString());
    try (TestGuest guest = new TestGuest(network)) {
      guest.resolve(IpAddress.parse("10.87.0.1"));
      for (int i = 0; i < 5; i++) {
        guest.advertiseRouter();
        Thread.sleep(100);
      }
      assertThat(v6()).isEmpty();
      // A host that would listen believes it: the advertisement is one, and arrives.
      String file = "/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6";
      host.onHost(
          () -> {
            FileContent.writeControl(file, "0");
            return true;
          });
      Wait.until(
          10,
          "the host to believe the guest",
          () -> {
            guest.advertiseRouter();
            return !v6().isEmpty();
          });
      // As a bridge of an earlier version is.
      host.attach("two", NetworkConfig.bridge());
      assertThat(v6()).isEmpty();
    }
  }

  @Test
  void saysWhoHasAPort() throws Exception {
    host.attach("holder", publish("8080:80", "127.0.0.1:9000:1"));
    for (String wish : new String[] {"8080:1", "127.0.0.1:8080:1", "9000:1", "127.0.0.1:9000:5"}) {
      assertThatThrownBy(() -> host.attach("late", publish("1111:1", wish)))
          .isInstanceOfSatisfying(
              CasemateException.class,
              e -> assertThat(e.kind()).isEqualTo(CasemateException.Kind.ALREADY_EXISTS))
          .hasMessageContaining("in use by sandbox holder");
    }
    assertThatThrownBy(() -> host.attach("late", publish("1111:1", "1111:2")))
        .hasMessageContaining("1111/tcp is in use");
    assertThatThrownBy(() -> host.attach("late", publish("203.0.113.9:1111:1")))
        .hasMessageContaining("not an address of this machine");
    try (ServerSocket server = host.onHost(() -> new ServerSocket(7070))) {
      assertThatThrownBy(() -> host.attach("late", publish("7070:1")))
          .hasMessageContaining("7070/tcp is in use by process " + ProcessHandle.current().pid())
          .hasMessageContaining("java");
      assertThat(server.isBound()).isTrue();
    }
    // UDP, another address and a port that was let go do not collide; nor does one in TIME_WAIT.
    host.attach("late", publish("8080:80/udp", "192.0.2.1:9000:1", "7070:1"));
    host.release("holder");
    host.attach("later", publish("8080:80"));
    host.release("later");
    host.release("late");
    assertNothingLeft();
  }

  @Test
  void honoursWishes() {
    NetworkConfig wish =
        new NetworkConfig.Bridge(
            List.of(),
            new DnsConfig(List.of("192.0.2.53"), List.of("example.org"), List.of("ndots:2")),
            Optional.of(IpAddress.parse("10.87.9.9")),
            Optional.of(MacAddress.parse("02:00:00:aa:bb:cc")));
    SandboxNetwork network = host.attach("one", wish);
    assertThat(network.endpoints().get(0).addresses())
        .containsExactly(IpNetwork.parse("10.87.9.9/16"));
    assertThat(network.endpoints().get(0).mac()).hasToString("02:00:00:aa:bb:cc");
    assertThat(network.dns().resolvConf())
        .isEqualTo("search example.org\nnameserver 192.0.2.53\noptions ndots:2\n");
    assertThatThrownBy(() -> host.attach("two", wish))
        .hasMessageContaining("address 10.87.9.9 is leased to sandbox one");
    for (String wrong : new String[] {"10.87.0.1", "10.87.0.0", "10.87.255.255", "192.0.2.9"}) {
      assertThatThrownBy(
              () ->
                  host.attach(
                      "two",
                      new NetworkConfig.Bridge(
                          List.of(),
                          DnsConfig.HOST,
                          Optional.of(IpAddress.parse(wrong)),
                          Optional.empty())))
          .hasMessageContaining("cannot be given");
    }
    assertThatThrownBy(() -> host.attach("../two", NetworkConfig.bridge()))
        .hasMessageContaining("cannot name a network");
  }
}
