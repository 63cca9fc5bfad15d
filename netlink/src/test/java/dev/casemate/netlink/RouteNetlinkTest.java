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

@Tag("root")
class RouteNetlinkTest {
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

  @Test
  void linksAddressesRoutesNeighbours() {
    MacAddress mac = MacAddress.parse("02:00:00:00:00:01");
    MacAddress peerMac = MacAddress.parse("02:00:00:00:00:02");
    try (RouteNetlink a = in(left);
        RouteNetlink b = in(right);
        Fd there = NetworkNamespace.open(right)) {
      a.createBridge("br0", MacAddress.parse("02:00:00:00:00:09"), 1500);
      NetworkLink bridge = a.link("br0").orElseThrow();
      assertThat(bridge.kind()).isEqualTo("bridge");
      a.createVeth(
          new RouteNetlink.VethEnd("here", Optional.of(mac)),
          bridge.index(),
          new RouteNetlink.VethEnd("eth0", Optional.of(peerMac)),
          there,
          1400);
      NetworkLink veth = a.link("here").orElseThrow();
      assertThat(veth.mac()).contains(mac);
      assertThat(veth.mtu()).isEqualTo(1400);
      assertThat(veth.kind()).isEqualTo("veth");
      assertThat(veth.master()).isEqualTo(bridge.index());
      a.setAlias(veth.index(), "casemate:x");
      assertThat(a.link("here").orElseThrow().alias()).isEqualTo("casemate:x");
      assertThat(veth.isUp()).isFalse();
      a.noLinkLocalAddress(veth.index());
      a.setUp(veth.index());
      assertThat(a.link("here").orElseThrow().isUp()).isTrue();
      assertThat(a.addresses()).noneMatch(x -> x.linkIndex() == veth.index());
      NetworkLink peer = b.link(peerMac).orElseThrow();
      assertThat(peer.name()).isEqualTo("eth0");
      assertThat(peer.isUp()).isFalse();
      assertThat(veth.peer()).isEqualTo(peer.index());

      b.rename(peer.index(), "net7");
      b.setMtu(peer.index(), 1300);
      b.setUp(peer.index());
      assertThat(b.link("eth0")).isEmpty();
      assertThat(b.link("net7").orElseThrow().mtu()).isEqualTo(1300);
      b.setArp(peer.index(), false);
      assertThat(b.link("net7").orElseThrow().isNoArp()).isTrue();
      b.setArp(peer.index(), true);
      assertThat(b.link("net7").orElseThrow().isNoArp()).isFalse();

      IpNetwork v4 = IpNetwork.parse("192.0.2.5/24");
      IpNetwork v6 = IpNetwork.parse("2001:db8::5/64");
      b.addAddress(peer.index(), v4);
      b.addAddress(peer.index(), v4);
      b.addAddress(peer.index(), v6);
      assertThat(b.addresses())
          .filteredOn(x -> x.linkIndex() == peer.index() && x.isGlobal())
          .extracting(NetworkAddress::network)
          .containsExactlyInAnyOrder(v4, v6);
      assertThat(b.addresses())
          .filteredOn(x -> x.network().equals(v6))
          .allSatisfy(x -> assertThat(x.flags() & 0x40).as("tentative").isZero());

      List<NetworkRoute> wanted =
          List.of(
              NetworkRoute.via(IpNetwork.ANY_V4, IpAddress.parse("198.51.100.1"), peer.index()),
              NetworkRoute.onLink(IpNetwork.parse("198.51.100.1"), peer.index()),
              NetworkRoute.via(IpNetwork.ANY_V6, IpAddress.parse("2001:db8::1"), peer.index()));
      b.replaceRoutes(wanted);
      b.replaceRoutes(wanted);
      List<NetworkRoute> routes = b.routes();
      assertThat(routes)
          .filteredOn(NetworkRoute::isDefault)
          .filteredOn(r -> r.table() == 254)
          .extracting(NetworkRoute::gateway)
          .containsExactlyInAnyOrder(
              Optional.of(IpAddress.parse("198.51.100.1")),
              Optional.of(IpAddress.parse("2001:db8::1")));
      assertThat(routes).contains(wanted.get(0), wanted.get(1));
      b.deleteRoute(wanted.get(0));
      assertThat(b.routes()).doesNotContain(wanted.get(0));

      for (String address : new String[] {"192.0.2.9", "2001:db8::9"}) {
        NetworkNeighbour neighbour =
            new NetworkNeighbour(
                peer.index(),
                IpAddress.parse(address),
                Optional.of(mac),
                NetworkNeighbour.PERMANENT);
        b.replaceNeighbour(neighbour);
        b.replaceNeighbour(neighbour);
        assertThat(b.neighbours()).contains(neighbour);
        b.deleteNeighbour(neighbour);
        assertThat(b.neighbours())
            .filteredOn(NetworkNeighbour::isPermanent)
            .doesNotContain(neighbour);
      }
      b.deleteAddress(peer.index(), v6);
      b.setDown(peer.index());
      b.setMac(peer.index(), MacAddress.parse("02:00:00:00:00:03"));
      a.deleteLink(veth.index());
      assertThat(b.link("net7")).isEmpty();
    }
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
