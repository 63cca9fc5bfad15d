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
import dev.casemate.netlink.RouteNetlink;
import dev.casemate.netlink.RouteWatch;
import dev.casemate.netlink.TrafficControl;
import java.net.InetAddress;
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
  private static final MacAddress MAC = MacAddress.parse("02:00:00:00:00:99");

  @TempDir Path directory;
  private String node;
  private String pod;
  private Networks networks;

  @BeforeEach
  void createNamespaces() {
    node = directory.resolve("node").toString();
    pod = directory.resolve("pod").toString();
    NetworkNamespace.create(node);
    NetworkNamespace.create(pod);
    networks = new Networks(directory.resolve("run").toString());
  }

  @AfterEach
  void destroyNamespaces() {
    NetworkNamespace.destroy(pod);
    NetworkNamespace.destroy(node);
  }

  private interface Task {
    void run(RouteNetlink outside, RouteNetlink inside) throws Exception;
  }

  private void with(Task task) throws Exception {
    try (RouteNetlink outside = NetworkNamespace.run(node, RouteNetlink::open);
        RouteNetlink inside = NetworkNamespace.run(pod, RouteNetlink::open)) {
      task.run(outside, inside);
    }
  }

  /** A veth pair as CNI's plug-ins make it: 10.9.N.1 outside, 10.9.N.2 inside. */
  private void addVeth(String name, int number) throws Exception {
    with(
        (outside, inside) -> {
          try (Fd there = NetworkNamespace.open(pod)) {
            outside.createVeth(
                new RouteNetlink.VethEnd("out" + number, Optional.empty()),
                0,
                new RouteNetlink.VethEnd(name, Optional.of(mac(number))),
                there,
                1450);
          }
          int out = outside.link("out" + number).orElseThrow().index();
          outside.setUp(out);
          outside.addAddress(out, IpNetwork.parse("10.9." + number + ".1/24"));
          int in = inside.link(name).orElseThrow().index();
          inside.setUp(in);
          inside.addAddress(in, IpNetwork.parse("10.9." + number + ".2/24"));
        });
  }

  private static MacAddress mac(int number) {
    byte[] bytes = MAC.bytes();
    bytes[4] = (byte) number;
    return MacAddress.of(bytes);
  }

  /** Everything in the pod's namespace that a sandbox could change; no counters, no timing. */
  private List<String> state() throws Exception {
    List<String> lines = new ArrayList<>();
    with(
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

  private boolean pings(String address) {
    return NetworkNamespace.<Boolean>run(
        node,
        () -> {
          for (int i = 0; i < 10; i++) {
            if (InetAddress.getByName(address).isReachable(1000)) {
              return true;
            }
          }
          return false;
        });
  }

  private SandboxNetwork attach(NetworkModel model) {
    return networks.attach("pod", new NetworkConfig.Namespace(pod, DnsConfig.HOST, model));
  }

  private void assertGivenBack(List<String> before) throws Exception {
    networks.release("pod");
    assertThat(state()).isEqualTo(before);
    assertThat(networks.leftovers(java.util.Set.of())).isEmpty();
  }

  @Test
  void trafficGoesByEitherModel() throws Exception {
    addVeth("eth0", 0);
    List<String> before = state();
    for (NetworkModel model : List.of(NetworkModel.TCFILTER, NetworkModel.MACVTAP)) {
      SandboxNetwork network = attach(model);
      assertThat(network.endpoints())
          .as(model.toString())
          .extracting(Endpoint::interfaceName)
          .containsExactly("eth0");
      try (TestGuest guest = new TestGuest(network)) {
        assertThat(pings(guest.address().toString())).as(model.toString()).isTrue();
        assertThat(guest.resolve(IpAddress.parse("10.9.0.1"))).isNotNull();
      }
      assertGivenBack(before);
    }
    assertThat(attach(NetworkModel.NONE).endpoints()).isEmpty();
    assertGivenBack(before);
  }

  @Test
  void manyKindsOfInterfaces() throws Exception {
    addVeth("eth0", 0);
    with(
        (outside, inside) -> {
          int lower = outside.link("out0").orElseThrow().index();
          try (Fd there = NetworkNamespace.open(pod)) {
            outside.createMacVlan("net1", lower, there);
            outside.createMacVtap("net2", lower, there);
          }
          for (String name : List.of("net1", "net2")) {
            int index = inside.link(name).orElseThrow().index();
            inside.setUp(index);
            inside.addAddress(index, IpNetwork.parse("10.8.0." + index + "/24"));
          }
          inside.createBridge("br0", MacAddress.parse("02:00:00:00:00:b0"), 1500);
          inside.setUp(inside.link("br0").orElseThrow().index());
          NetworkNamespace.run(
              pod,
              () -> {
                try (Fd tap = TunTap.open("given0", true)) {
                  TunTap.persistent(tap, true);
                }
                return true;
              });
          int given = inside.link("given0").orElseThrow().index();
          inside.setMac(given, MAC);
          inside.setUp(given);
          inside.addAddress(given, IpNetwork.parse("10.7.0.2/24"));
          inside.replaceRoute(
              NetworkRoute.via(
                  IpNetwork.parse("10.77.0.0/16"), IpAddress.parse("10.7.0.1"), given));
        });
    List<String> before = state();
    try (Fd held = NetworkNamespace.run(pod, () -> TunTap.open("held0", true))) {
      with((outside, inside) -> inside.setUp(inside.link("held0").orElseThrow().index()));
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
        if (endpoint.interfaceName().equals("given0")) {
          assertThat(endpoint.addresses()).containsExactly(IpNetwork.parse("10.7.0.2/24"));
          assertThat(endpoint.routes())
              .extracting(r -> r.destination().toString())
              .containsExactly("10.77.0.0/16");
          assertThat(endpoint.mac()).isEqualTo(MAC);
          // The namespace's own stack must not answer for the guest.
          with(
              (outside, inside) -> {
                assertThat(inside.addresses())
                    .noneMatch(
                        a ->
                            a.linkIndex() == endpoint.linkIndex() && !a.network().address().isV6());
                assertThat(inside.link("given0").orElseThrow().mac())
                    .isNotEqualTo(Optional.of(MAC));
              });
        }
      }
      assertThat(networks.find("pod")).contains(network);
      networks.release("pod");
    }
    assertThat(state()).isEqualTo(before);
  }

  @Test
  void refreshFollowsTheNamespace() throws Exception {
    List<String> empty = state();
    SandboxNetwork none =
        networks.attach(
            "pod", new NetworkConfig.Namespace(pod, DnsConfig.HOST, NetworkModel.TCFILTER));
    assertThat(none.endpoints()).isEmpty();
    try (RouteWatch watch = NetworkNamespace.run(pod, RouteWatch::open)) {
      assertThat(Poll.await(watch.fd(), Poll.IN, 0)).isZero();
      addVeth("eth0", 0);
      assertThat(Poll.await(watch.fd(), Poll.IN, 10_000)).isNotZero();
      assertThat(watch.drain()).isTrue();
    }
    NetworkChange change = networks.refresh("pod");
    assertThat(change.added()).extracting(Endpoint::interfaceName).containsExactly("eth0");
    assertThat(change.problems()).isEmpty();
    assertThat(networks.refresh("pod").isEmpty()).isTrue();
    try (TestGuest guest = new TestGuest(change.network())) {
      assertThat(pings(guest.address().toString())).isTrue();
    }

    addVeth("eth1", 1);
    with(
        (outside, inside) -> {
          int eth0 = inside.link("eth0").orElseThrow().index();
          inside.addAddress(eth0, IpNetwork.parse("10.9.0.3/24"));
          inside.replaceRoute(
              NetworkRoute.via(IpNetwork.ANY_V4, IpAddress.parse("10.9.0.1"), eth0));
          inside.setMtu(eth0, 1400);
        });
    change = networks.refresh("pod");
    assertThat(change.added()).extracting(Endpoint::interfaceName).containsExactly("eth1");
    assertThat(change.changed()).hasSize(1);
    Endpoint changed = change.changed().getFirst();
    assertThat(changed.mtu()).isEqualTo(1400);
    assertThat(changed.addresses()).contains(IpNetwork.parse("10.9.0.3/24"));
    assertThat(changed.routes()).anyMatch(NetworkRoute::isDefault);
    // As an ipvlan of mode L3 is, which this kernel may not have.
    with((outside, inside) -> inside.setArp(changed.linkIndex(), false));
    assertThat(networks.refresh("pod").changed()).allMatch(Endpoint::noArp).hasSize(1);
    assertThat(networks.refresh("pod").isEmpty()).isTrue();

    with((outside, inside) -> outside.deleteLink(outside.link("out0").orElseThrow().index()));
    change = networks.refresh("pod");
    assertThat(change.gone()).extracting(Endpoint::interfaceName).containsExactly("eth0");
    assertThat(change.network().endpoints()).hasSize(1);
    networks.drop("pod", change.gone().getFirst());
    assertThat(networks.find("pod").orElseThrow().endpoints())
        .extracting(Endpoint::interfaceName)
        .containsExactly("eth1");
    // Another name is no other interface.
    with(
        (outside, inside) -> {
          int eth1 = inside.link("eth1").orElseThrow().index();
          inside.setDown(eth1);
          inside.rename(eth1, "lan1");
          inside.setUp(eth1);
        });
    change = networks.refresh("pod");
    assertThat(change.problems()).isEmpty();
    assertThat(change.added()).isEmpty();
    assertThat(change.gone()).isEmpty();
    assertThat(change.changed()).extracting(Endpoint::interfaceName).containsExactly("lan1");
    // One that is not up is not furnished yet.
    addVeth("eth2", 2);
    with((outside, inside) -> inside.setDown(inside.link("eth2").orElseThrow().index()));
    assertThat(networks.refresh("pod").added()).isEmpty();
    with((outside, inside) -> outside.deleteLink(outside.link("out2").orElseThrow().index()));
    // The same name again is another interface.
    addVeth("eth0", 0);
    change = networks.refresh("pod");
    assertThat(change.added()).extracting(Endpoint::interfaceName).containsExactly("eth0");
    with(
        (outside, inside) -> {
          for (String name : List.of("out0", "out1")) {
            outside.deleteLink(outside.link(name).orElseThrow().index());
          }
        });
    assertGivenBack(empty);
  }

  @Test
  void aProblemWithOneIsToldAndTheOthersWork() throws Exception {
    addVeth("eth0", 0);
    addVeth("eth1", 1);
    with(
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
    addVeth("eth0", 0);
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
            "{\"linux\":{\"namespaces\":[{\"type\":\"network\",\"path\":\"" + pod + "\"}]}}");
    assertThat(NetworkConfig.ofSpec(given, NetworkModel.TCFILTER))
        .isEqualTo(NetworkConfig.namespace(pod));
    assertThatThrownBy(() -> NetworkModel.parse("bridged")).hasMessageContaining("bridged");
  }
}
