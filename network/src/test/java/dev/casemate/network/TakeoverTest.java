package dev.casemate.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.linux.Fd;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.linux.Poll;
import dev.casemate.linux.TunTap;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.MacAddress;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.NetworkRoute;
import dev.casemate.netlink.RouteWatch;
import dev.casemate.netlink.TrafficControl;
import dev.casemate.testsupport.PodNamespaces;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Interfaces that CNI or Docker has made: joined, watched and given back as they were. */
@Tag("root")
class TakeoverTest {
  private static final MacAddress GIVEN_MAC = MacAddress.parse("02:00:00:00:00:99");

  @TempDir Path directory;
  private PodNamespaces namespaces;
  private Networks networks;

  @BeforeEach
  void createNamespaces() {
    namespaces = new PodNamespaces(directory);
    networks = new Networks(directory.resolve("run").toString());
  }

  @AfterEach
  void destroyNamespaces() {
    namespaces.close();
  }

  /** Everything in the pod's namespace that a sandbox could change; no counters, no timing. */
  private List<String> state() throws Exception {
    List<String> lines = new ArrayList<>();
    namespaces.with(
        (outside, inside) -> {
          TrafficControl control = new TrafficControl(inside);
          for (NetworkLink link : inside.links()) {
            lines.add(
                link.index()
                    + " "
                    + link.name()
                    + " "
                    + link.mac()
                    + " "
                    + link.mtu()
                    + " "
                    + control.disciplines(link.index()));
          }
          inside
              .addresses()
              .forEach(
                  a -> {
                    if (!a.network().address().isV6()) {
                      lines.add(a.linkIndex() + " " + a.network());
                    }
                  });
          inside
              .routes()
              .forEach(
                  r -> {
                    if (!r.destination().address().isV6()) {
                      lines.add(r.toString());
                    }
                  });
          inside
              .neighbours()
              .forEach(
                  n -> {
                    if (n.isPermanent()) {
                      lines.add(n.toString());
                    }
                  });
        });
    lines.sort(null);
    return lines;
  }

  private SandboxNetwork attach(NetworkModel model) {
    return networks.attach(
        "pod", new NetworkConfig.Namespace(namespaces.pod(), DnsConfig.HOST, model));
  }

  private void assertGivenBack(List<String> before) throws Exception {
    networks.release("pod");
    assertThat(state()).isEqualTo(before);
    assertThat(networks.leftovers(java.util.Set.of())).isEmpty();
  }

  @Test
  void trafficGoesByEitherModel() throws Exception {
    namespaces.addVeth("eth0", 0);
    List<String> before = state();
    for (NetworkModel model : List.of(NetworkModel.TCFILTER, NetworkModel.MACVTAP)) {
      SandboxNetwork network = attach(model);
      assertThat(network.endpoints())
          .as(model.toString())
          .extracting(Endpoint::interfaceName)
          .containsExactly("eth0");
      try (TestGuest guest = new TestGuest(network)) {
        assertThat(namespaces.pings(guest.address().toString())).as(model.toString()).isTrue();
        assertThat(guest.resolve(IpAddress.parse("10.9.0.1"))).isNotNull();
      }
      assertGivenBack(before);
    }
    assertThat(attach(NetworkModel.NONE).endpoints()).isEmpty();
    assertGivenBack(before);
  }

  /** A veth pair, a macvlan, a macvtap, a bridge and a persistent TAP device. */
  private void addManyKinds() throws Exception {
    namespaces.addVeth("eth0", 0);
    namespaces.with(
        (outside, inside) -> {
          int lower = PodNamespaces.index(outside, "out0");
          try (Fd there = NetworkNamespace.open(namespaces.pod())) {
            outside.createMacVlan("net1", lower, there);
            outside.createMacVtap("net2", lower, there);
          }
          for (String name : List.of("net1", "net2")) {
            int index = PodNamespaces.index(inside, name);
            inside.setUp(index);
            inside.addAddress(index, IpNetwork.parse("10.8.0." + index + "/24"));
          }
          inside.createBridge("br0", MacAddress.parse("02:00:00:00:00:b0"), 1500);
          inside.setUp(PodNamespaces.index(inside, "br0"));
          NetworkNamespace.run(
              namespaces.pod(),
              () -> {
                try (Fd tap = TunTap.open("given0", true)) {
                  TunTap.persistent(tap, true);
                }
                return true;
              });
          int given = PodNamespaces.index(inside, "given0");
          inside.setMac(given, GIVEN_MAC);
          inside.setUp(given);
          inside.addAddress(given, IpNetwork.parse("10.7.0.2/24"));
          inside.replaceRoute(
              NetworkRoute.via(
                  IpNetwork.parse("10.77.0.0/16"), IpAddress.parse("10.7.0.1"), given));
        });
  }

  @Test
  void everyKindOfInterfaceHasItsJoint() throws Exception {
    addManyKinds();
    List<String> before = state();
    try (Fd held = NetworkNamespace.run(namespaces.pod(), () -> TunTap.open("held0", true))) {
      namespaces.with((outside, inside) -> inside.setUp(PodNamespaces.index(inside, "held0")));
      SandboxNetwork network = attach(NetworkModel.MACVTAP);
      assertThat(network.endpoints())
          .extracting(e -> e.interfaceName() + " " + e.joint())
          .containsExactlyInAnyOrder(
              "eth0 macvtap",
              "net1 redirect",
              "net2 given-macvtap",
              "br0 macvtap",
              "given0 given-tap",
              "held0 redirect");
      for (Endpoint endpoint : network.endpoints()) {
        try (Fd tap = Takeover.openTap(network.netnsPath(), endpoint)) {
          assertThat(tap.isOpen()).as(endpoint.interfaceName()).isTrue();
        }
      }
      assertThat(networks.find("pod")).contains(network);
      networks.release("pod");
    }
    assertThat(state()).isEqualTo(before);
  }

  @Test
  void whatAGivenTapHadIsTheGuests() throws Exception {
    addManyKinds();
    List<String> before = state();
    Endpoint given =
        attach(NetworkModel.MACVTAP).endpoints().stream()
            .filter(endpoint -> endpoint.interfaceName().equals("given0"))
            .findFirst()
            .orElseThrow();
    assertThat(given.addresses()).containsExactly(IpNetwork.parse("10.7.0.2/24"));
    assertThat(given.routes())
        .extracting(r -> r.destination().toString())
        .containsExactly("10.77.0.0/16");
    assertThat(given.mac()).isEqualTo(GIVEN_MAC);
    // The namespace's own stack must not answer for the guest.
    namespaces.with(
        (outside, inside) -> {
          assertThat(inside.addresses())
              .noneMatch(a -> a.linkIndex() == given.linkIndex() && !a.network().address().isV6());
          assertThat(inside.link("given0").orElseThrow().mac())
              .isNotEqualTo(Optional.of(GIVEN_MAC));
        });
    assertGivenBack(before);
  }

  private NetworkChange refresh() {
    return networks.refresh("pod");
  }

  /** Takes an empty namespace over, and then what comes into it. */
  private void attachAndFollow(String... names) throws Exception {
    attach(NetworkModel.TCFILTER);
    for (int i = 0; i < names.length; i++) {
      namespaces.addVeth(names[i], i);
    }
    assertThat(refresh().added()).extracting(Endpoint::interfaceName).containsExactly(names);
  }

  /** The namespace is as empty as before, once others have removed theirs. */
  private void assertEmptied(List<String> before, int... numbers) throws Exception {
    for (int number : numbers) {
      namespaces.deleteVeth(number);
    }
    assertGivenBack(before);
  }

  @Test
  void whatComesIntoTheNamespaceIsNoticedAndTakenOver() throws Exception {
    List<String> empty = state();
    assertThat(attach(NetworkModel.TCFILTER).endpoints()).isEmpty();
    try (RouteWatch watch = NetworkNamespace.run(namespaces.pod(), RouteWatch::open)) {
      assertThat(Poll.await(watch.fd(), Poll.IN, 0)).isZero();
      namespaces.addVeth("eth0", 0);
      assertThat(Poll.await(watch.fd(), Poll.IN, 10_000)).isNotZero();
      assertThat(watch.drain()).isTrue();
    }
    NetworkChange change = refresh();
    assertThat(change.added()).extracting(Endpoint::interfaceName).containsExactly("eth0");
    assertThat(change.problems()).isEmpty();
    assertThat(refresh().isEmpty()).isTrue();
    try (TestGuest guest = new TestGuest(change.network())) {
      assertThat(namespaces.pings(guest.address().toString())).isTrue();
    }
    assertEmptied(empty, 0);
  }

  @Test
  void refreshTellsAddressesRoutesAndMtu() throws Exception {
    List<String> empty = state();
    attachAndFollow("eth0");
    namespaces.addVeth("eth1", 1);
    namespaces.with(
        (outside, inside) -> {
          int eth0 = PodNamespaces.index(inside, "eth0");
          inside.addAddress(eth0, IpNetwork.parse("10.9.0.3/24"));
          inside.replaceRoute(
              NetworkRoute.via(IpNetwork.ANY_V4, IpAddress.parse("10.9.0.1"), eth0));
          inside.setMtu(eth0, 1400);
        });
    NetworkChange change = refresh();
    assertThat(change.added()).extracting(Endpoint::interfaceName).containsExactly("eth1");
    assertThat(change.changed()).hasSize(1);
    Endpoint changed = change.changed().getFirst();
    assertThat(changed.mtu()).isEqualTo(1400);
    assertThat(changed.addresses()).contains(IpNetwork.parse("10.9.0.3/24"));
    assertThat(changed.routes()).anyMatch(NetworkRoute::isDefault);
    assertEmptied(empty, 0, 1);
  }

  /** As an ipvlan of mode L3 is, which this kernel may not have. */
  @Test
  void refreshTellsThatAnInterfaceStopsToAnswerArp() throws Exception {
    List<String> empty = state();
    attachAndFollow("eth0");
    namespaces.with((outside, inside) -> inside.setArp(PodNamespaces.index(inside, "eth0"), false));
    assertThat(refresh().changed()).allMatch(Endpoint::noArp).hasSize(1);
    assertThat(refresh().isEmpty()).isTrue();
    assertEmptied(empty, 0);
  }

  @Test
  void whatGoesIsToldAndDropped() throws Exception {
    List<String> empty = state();
    attachAndFollow("eth0", "eth1");
    namespaces.deleteVeth(0);
    NetworkChange change = refresh();
    assertThat(change.gone()).extracting(Endpoint::interfaceName).containsExactly("eth0");
    assertThat(change.network().endpoints()).hasSize(1);
    networks.drop("pod", change.gone().getFirst());
    assertThat(networks.find("pod").orElseThrow().endpoints())
        .extracting(Endpoint::interfaceName)
        .containsExactly("eth1");
    assertEmptied(empty, 1);
  }

  @Test
  void anotherNameIsNoOtherInterface() throws Exception {
    List<String> empty = state();
    attachAndFollow("eth0");
    namespaces.with(
        (outside, inside) -> {
          int eth0 = PodNamespaces.index(inside, "eth0");
          inside.setDown(eth0);
          inside.rename(eth0, "lan0");
          inside.setUp(eth0);
        });
    NetworkChange change = refresh();
    assertThat(change.problems()).isEmpty();
    assertThat(change.added()).isEmpty();
    assertThat(change.gone()).isEmpty();
    assertThat(change.changed()).extracting(Endpoint::interfaceName).containsExactly("lan0");
    assertEmptied(empty, 0);
  }

  @Test
  void whatIsNotUpIsNotFurnishedYet() throws Exception {
    List<String> empty = state();
    attachAndFollow("eth0");
    namespaces.addVeth("eth2", 2);
    namespaces.with((outside, inside) -> inside.setDown(PodNamespaces.index(inside, "eth2")));
    assertThat(refresh().added()).isEmpty();
    assertEmptied(empty, 0, 2);
  }

  @Test
  void theSameNameAgainIsAnotherInterface() throws Exception {
    List<String> empty = state();
    attachAndFollow("eth0");
    namespaces.deleteVeth(0);
    networks.drop("pod", refresh().gone().getFirst());
    namespaces.addVeth("eth0", 0);
    assertThat(refresh().added()).extracting(Endpoint::interfaceName).containsExactly("eth0");
    assertEmptied(empty, 0);
  }

  @Test
  void aProblemWithOneIsToldAndTheOthersWork() throws Exception {
    namespaces.addVeth("eth0", 0);
    namespaces.addVeth("eth1", 1);
    namespaces.with(
        (outside, inside) ->
            new TrafficControl(inside).addIngress(inside.link("eth0").orElseThrow().index()));
    List<String> before = state();
    assertThatThrownBy(() -> attach(NetworkModel.TCFILTER))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("eth0")
        .hasMessageContaining("tc qdisc del dev eth0 ingress");
    assertThat(state()).isEqualTo(before);
    networks.attach("pod", new NetworkConfig.None(NetworkModel.TCFILTER));
    networks.release("pod");
  }

  @Test
  void whatACrashLeavesIsFoundWithoutARecord() throws Exception {
    namespaces.addVeth("eth0", 0);
    List<String> before = state();
    SandboxNetwork network = attach(NetworkModel.TCFILTER);
    Takeover.detachAll(network.withEndpoints(List.of()));
    assertThat(state()).isEqualTo(before);
    networks.release("pod");
    network = attach(NetworkModel.MACVTAP);
    Takeover.detachAll(network.withEndpoints(List.of()));
    assertThat(state()).isEqualTo(before);
    assertGivenBack(before);
  }

  @Test
  void theHostsNetworkIsRefused() {
    assertThatThrownBy(() -> Takeover.requireForeign("/proc/self/ns/net"))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("is the host's own")
        .hasMessageContaining("hostNetwork");
    assertThatThrownBy(() -> Takeover.requireForeign(directory.toString()))
        .hasMessageContaining("is not a network namespace");
    assertThatThrownBy(
            () ->
                networks.attach(
                    "pod",
                    NetworkConfig.namespace("/proc/" + ProcessHandle.current().pid() + "/ns/net")))
        .hasMessageContaining("is the host's own");
    Json.Obj spec = Json.parseObject("{\"linux\":{\"namespaces\":[{\"type\":\"pid\"}]}}");
    assertThatThrownBy(() -> NetworkConfig.ofSpec(spec, NetworkModel.TCFILTER))
        .hasMessageContaining("config.json requests no network namespace");
    Json.Obj own = Json.parseObject("{\"linux\":{\"namespaces\":[{\"type\":\"network\"}]}}");
    assertThat(NetworkConfig.ofSpec(own, NetworkModel.MACVTAP))
        .isEqualTo(new NetworkConfig.None(NetworkModel.MACVTAP));
    Json.Obj given =
        Json.parseObject(
            "{\"linux\":{\"namespaces\":[{\"type\":\"network\",\"path\":\""
                + namespaces.pod()
                + "\"}]}}");
    assertThat(NetworkConfig.ofSpec(given, NetworkModel.TCFILTER))
        .isEqualTo(NetworkConfig.namespace(namespaces.pod()));
    assertThatThrownBy(() -> NetworkModel.parse("bridged")).hasMessageContaining("bridged");
  }
}
