package dev.casemate.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.linux.TunTap;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("root")
class RouteNetlinkTest {
  private static final MacAddress MAC = MacAddress.parse("02:00:00:00:00:01");
  private static final MacAddress PEER_MAC = MacAddress.parse("02:00:00:00:00:02");

  @TempDir Path directory;
  private String left = "";
  private String right = "";

  @BeforeEach
  void createNamespaces() {
    left = directory.resolve("left").toString();
    right = directory.resolve("right").toString();
    NetworkNamespace.create(left);
    NetworkNamespace.create(right);
  }

  @AfterEach
  void destroyNamespaces() {
    NetworkNamespace.destroy(left);
    NetworkNamespace.destroy(right);
  }

  private static RouteNetlink in(String namespace) {
    return NetworkNamespace.run(namespace, RouteNetlink::open);
  }

  @Test
  void namespacesAreSeparateAndGo() {
    try (RouteNetlink inLeft = in(left);
        RouteNetlink here = RouteNetlink.open()) {
      assertThat(inLeft.links())
          .extracting(NetworkLink::name)
          .contains("lo")
          .doesNotContain("eth0");
      assertThat(here.links()).isNotEqualTo(inLeft.links());
    }
    assertThat(NetworkNamespace.exists(left)).isTrue();
    assertThatThrownBy(() -> NetworkNamespace.create(left))
        .isInstanceOfSatisfying(
            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EEXIST));
    NetworkNamespace.destroy(left);
    NetworkNamespace.destroy(left);
    assertThat(NetworkNamespace.exists(left)).isFalse();
    assertThat(directory.resolve("left")).doesNotExist();
    assertThat(Mounts.list()).noneMatch(m -> m.target().equals(left));
  }

  @Test
  void taskErrorsComeBackAndTheThreadIsNotMoved() {
    String before = Links.readLink("/proc/thread-self/ns/net");
    assertThatThrownBy(
            () ->
                NetworkNamespace.run(
                    left,
                    () -> {
                      throw new LinuxException("test", "", Errno.EIO);
                    }))
        .isInstanceOf(LinuxException.class);
    assertThat(Links.readLink("/proc/thread-self/ns/net")).isEqualTo(before);
    String inside = NetworkNamespace.run(left, () -> Links.readLink("/proc/thread-self/ns/net"));
    assertThat(inside).isNotEqualTo(before);
  }

  private interface PairTask {
    void run(RouteNetlink here, RouteNetlink there, NetworkLink end, NetworkLink peer);
  }

  /** A veth pair from a bridge in one namespace into the other, both ends down. */
  private void withPair(PairTask task) {
    try (RouteNetlink a = in(left);
        RouteNetlink b = in(right);
        Fd there = NetworkNamespace.open(right)) {
      a.createBridge("br0", MacAddress.parse("02:00:00:00:00:09"), 1500);
      a.createVeth(
          new RouteNetlink.VethEnd("here", Optional.of(MAC)),
          a.link("br0").orElseThrow().index(),
          new RouteNetlink.VethEnd("eth0", Optional.of(PEER_MAC)),
          there,
          1400);
      task.run(a, b, a.link("here").orElseThrow(), b.link(PEER_MAC).orElseThrow());
    }
  }

  @Test
  void aVethPairIsWhatWasAskedFor() {
    withPair(
        (here, there, end, peer) -> {
          NetworkLink bridge = here.link("br0").orElseThrow();
          assertThat(bridge.kind()).isEqualTo("bridge");
          assertThat(end.mac()).contains(MAC);
          assertThat(end.mtu()).isEqualTo(1400);
          assertThat(end.kind()).isEqualTo("veth");
          assertThat(end.master()).isEqualTo(bridge.index());
          assertThat(end.peer()).isEqualTo(peer.index());
          assertThat(end.isUp()).isFalse();
          assertThat(peer.name()).isEqualTo("eth0");
          assertThat(peer.isUp()).isFalse();
        });
  }

  @Test
  void withoutALinkLocalAddressALinkComesUpWithNone() {
    withPair(
        (here, there, end, peer) -> {
          here.noLinkLocalAddress(end.index());
          here.setUp(end.index());
          assertThat(here.link("here").orElseThrow().isUp()).isTrue();
          assertThat(here.addresses()).noneMatch(x -> x.linkIndex() == end.index());
        });
  }

  @Test
  void whatIsSetOfALinkIsRead() {
    withPair(
        (here, there, end, peer) -> {
          here.setAlias(end.index(), "casemate:x");
          assertThat(here.link("here").orElseThrow().alias()).isEqualTo("casemate:x");
          there.rename(peer.index(), "net7");
          there.setMtu(peer.index(), 1300);
          there.setUp(peer.index());
          assertThat(there.link("eth0")).isEmpty();
          assertThat(there.link("net7").orElseThrow().mtu()).isEqualTo(1300);
          there.setArp(peer.index(), false);
          assertThat(there.link("net7").orElseThrow().isNoArp()).isTrue();
          there.setArp(peer.index(), true);
          assertThat(there.link("net7").orElseThrow().isNoArp()).isFalse();
          there.setDown(peer.index());
          MacAddress other = MacAddress.parse("02:00:00:00:00:03");
          there.setMac(peer.index(), other);
          assertThat(there.link("net7").orElseThrow().mac()).contains(other);
          assertThat(there.link("net7").orElseThrow().isUp()).isFalse();
        });
  }

  @Test
  void withOneEndTheOtherGoes() {
    withPair(
        (here, there, end, peer) -> {
          here.deleteLink(end.index());
          assertThat(there.link("eth0")).isEmpty();
        });
  }

  @Test
  void addressesComeOnceAndGo() {
    IpNetwork v4 = IpNetwork.parse("192.0.2.5/24");
    IpNetwork v6 = IpNetwork.parse("2001:db8::5/64");
    withPair(
        (here, there, end, peer) -> {
          there.setUp(peer.index());
          there.addAddress(peer.index(), v4);
          there.addAddress(peer.index(), v4);
          there.addAddress(peer.index(), v6);
          assertThat(globalAddresses(there, peer)).containsExactlyInAnyOrder(v4, v6);
          assertThat(there.addresses())
              .filteredOn(x -> x.network().equals(v6))
              .allSatisfy(x -> assertThat(x.flags() & 0x40).as("tentative").isZero());
          there.deleteAddress(peer.index(), v6);
          assertThat(globalAddresses(there, peer)).containsExactly(v4);
        });
  }

  private static List<IpNetwork> globalAddresses(RouteNetlink route, NetworkLink link) {
    return route.addresses().stream()
        .filter(x -> x.linkIndex() == link.index() && x.isGlobal())
        .map(NetworkAddress::network)
        .toList();
  }

  /** Gateways beyond what the addresses reach, as clouds have them. */
  @Test
  void routesAreReplacedWhateverTheirOrder() {
    withPair(
        (here, there, end, peer) -> {
          furnish(there, peer);
          List<NetworkRoute> wanted =
              List.of(
                  NetworkRoute.via(IpNetwork.ANY_V4, IpAddress.parse("198.51.100.1"), peer.index()),
                  NetworkRoute.onLink(IpNetwork.parse("198.51.100.1"), peer.index()),
                  NetworkRoute.via(IpNetwork.ANY_V6, IpAddress.parse("2001:db8::1"), peer.index()));
          there.replaceRoutes(wanted);
          there.replaceRoutes(wanted);
          List<NetworkRoute> routes = there.routes();
          assertThat(routes)
              .filteredOn(NetworkRoute::isDefault)
              .filteredOn(r -> r.table() == 254)
              .extracting(NetworkRoute::gateway)
              .containsExactlyInAnyOrder(
                  Optional.of(IpAddress.parse("198.51.100.1")),
                  Optional.of(IpAddress.parse("2001:db8::1")));
          assertThat(routes).contains(wanted.get(0), wanted.get(1));
          there.deleteRoute(wanted.get(0));
          assertThat(there.routes()).doesNotContain(wanted.get(0));
        });
  }

  private static void furnish(RouteNetlink route, NetworkLink link) {
    route.setUp(link.index());
    route.addAddress(link.index(), IpNetwork.parse("192.0.2.5/24"));
    route.addAddress(link.index(), IpNetwork.parse("2001:db8::5/64"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"192.0.2.9", "2001:db8::9"})
  void neighboursComeAndGo(String address) {
    withPair(
        (here, there, end, peer) -> {
          furnish(there, peer);
          NetworkNeighbour neighbour =
              new NetworkNeighbour(
                  peer.index(),
                  IpAddress.parse(address),
                  Optional.of(MAC),
                  NetworkNeighbour.PERMANENT);
          there.replaceNeighbour(neighbour);
          there.replaceNeighbour(neighbour);
          assertThat(there.neighbours()).contains(neighbour);
          there.deleteNeighbour(neighbour);
          assertThat(there.neighbours())
              .filteredOn(NetworkNeighbour::isPermanent)
              .doesNotContain(neighbour);
        });
  }

  @Test
  void tapRedirectAndMove() {
    try (RouteNetlink a = in(left);
        RouteNetlink b = in(right);
        Fd there = NetworkNamespace.open(right)) {
      try (Fd tap = NetworkNamespace.run(left, () -> TunTap.open("tap0", true))) {
        TunTap.persistent(tap, true);
      }
      a.createBridge("br0", MacAddress.parse("02:00:00:00:00:09"), 1500);
      int tap = a.link("tap0").orElseThrow().index();
      assertThat(a.link("tap0").orElseThrow().kind()).isEqualTo("tun");
      int bridge = a.link("br0").orElseThrow().index();
      TrafficControl control = new TrafficControl(a);
      control.addIngress(tap);
      assertThatThrownBy(() -> control.addIngress(tap))
          .isInstanceOfSatisfying(
              LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EEXIST));
      control.redirectAll(tap, bridge);
      assertThat(control.disciplines(tap)).contains("ingress");
      assertThat(control.filterCount(tap)).isEqualTo(1);
      assertThat(control.filterCount(bridge)).isZero();
      control.deleteIngress(tap);
      assertThat(control.disciplines(tap)).doesNotContain("ingress");
      a.noLinkLocalAddress(tap);
      a.moveToNamespace(tap, there, "moved");
      assertThat(a.link("tap0")).isEmpty();
      b.deleteLink(b.link("moved").orElseThrow().index());
    }
  }
}
