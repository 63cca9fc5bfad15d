package dev.casemate.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.Fd;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.MacAddress;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.NetworkNeighbour;
import dev.casemate.netlink.NetworkRoute;
import dev.casemate.netlink.RouteNetlink;
import dev.casemate.netlink.TrafficControl;
import dev.casemate.testsupport.PodNamespaces;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A namespace that somebody else has furnished as Calico does: addresses without a network, a
 * gateway that only a neighbour entry reaches, and a second interface.
 */
@Tag("root")
class ForeignNamespaceTest {
  private static final MacAddress MAC = MacAddress.parse("02:00:00:00:00:55");
  private static final IpAddress GATEWAY = IpAddress.parse("169.254.1.1");

  @TempDir Path directory;
  private PodNamespaces namespaces;
  private Networks networks;
  private List<String> before = List.of();

  @BeforeEach
  void furnish() throws Exception {
    namespaces = new PodNamespaces(directory);
    networks = new Networks(directory.resolve("run").toString());
    namespaces.with(
        (outside, inside) -> {
          try (Fd there = NetworkNamespace.open(namespaces.pod())) {
            for (String name : List.of("net0", "eth0")) {
              outside.createVeth(
                  new RouteNetlink.VethEnd("v" + name, Optional.empty()),
                  0,
                  new RouteNetlink.VethEnd(
                      name, name.equals("eth0") ? Optional.of(MAC) : Optional.empty()),
                  there,
                  1450);
            }
          }
          int eth = PodNamespaces.index(inside, "eth0");
          inside.setUp(eth);
          inside.addAddress(eth, IpNetwork.parse("10.244.1.7/32"));
          inside.addAddress(eth, IpNetwork.parse("fd00:10::7/128"));
          inside.replaceRoutes(
              List.of(
                  NetworkRoute.onLink(IpNetwork.parse("169.254.1.1"), eth),
                  NetworkRoute.via(IpNetwork.ANY_V4, GATEWAY, eth),
                  NetworkRoute.onLink(IpNetwork.parse("fd00:10::1"), eth),
                  NetworkRoute.via(IpNetwork.ANY_V6, IpAddress.parse("fd00:10::1"), eth)));
          inside.replaceNeighbour(
              new NetworkNeighbour(
                  eth,
                  GATEWAY,
                  Optional.of(MacAddress.parse("ee:ee:ee:ee:ee:ee")),
                  NetworkNeighbour.PERMANENT));
        });
    before = names();
  }

  @AfterEach
  void destroyNamespaces() {
    networks.release("pod");
    namespaces.close();
  }

  private List<String> names() throws Exception {
    List<String> names = new ArrayList<>();
    namespaces.with(
        (outside, inside) -> inside.links().stream().map(NetworkLink::name).forEach(names::add));
    return names;
  }

  private SandboxNetwork attach(String id) {
    return networks.attach(id, NetworkConfig.namespace(namespaces.pod()));
  }

  private static Endpoint eth0(SandboxNetwork network) {
    return network.endpoints().stream()
        .filter(e -> e.interfaceName().equals("eth0"))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void everyInterfaceGetsATap() {
    SandboxNetwork network = attach("pod");
    assertThat(network.netnsPath()).isEqualTo(namespaces.pod());
    assertThat(network.endpoints()).extracting(Endpoint::tapName).containsExactly("tap0", "tap1");
    assertThat(networks.find("pod")).contains(network);
  }

  @Test
  void theGuestGetsWhatTheInterfaceHas() {
    Endpoint endpoint = eth0(attach("pod"));
    assertThat(endpoint.mac()).isEqualTo(MAC);
    assertThat(endpoint.mtu()).isEqualTo(1450);
    assertThat(endpoint.addresses())
        .containsExactlyInAnyOrder(
            IpNetwork.parse("10.244.1.7/32"), IpNetwork.parse("fd00:10::7/128"));
    assertThat(endpoint.routes())
        .extracting(r -> r.destination().toString())
        .containsExactlyInAnyOrder("0.0.0.0/0", "169.254.1.1/32", "::/0", "fd00:10::1/128");
    assertThat(endpoint.neighbours()).hasSize(1);
  }

  @Test
  void trafficIsRedirectedBothWays() throws Exception {
    Endpoint endpoint = eth0(attach("pod"));
    namespaces.with(
        (outside, inside) -> {
          TrafficControl control = new TrafficControl(inside);
          assertThat(control.filterCount(PodNamespaces.index(inside, "eth0"))).isEqualTo(1);
          assertThat(control.filterCount(PodNamespaces.index(inside, endpoint.tapName())))
              .isEqualTo(1);
        });
  }

  @Test
  void aSecondSandboxIsRefusedAndLeavesNothing() throws Exception {
    attach("pod");
    assertThatThrownBy(() -> attach("second"))
        .hasMessageContaining("another sandbox may be attached");
    assertThat(names()).contains("tap0", "tap1").doesNotContain("tap2");
  }

  @Test
  void releaseGivesTheNamespaceBackAsItWas() throws Exception {
    attach("pod");
    networks.release("pod");
    assertThat(names()).isEqualTo(before);
    namespaces.with(
        (outside, inside) ->
            assertThat(new TrafficControl(inside).disciplines(PodNamespaces.index(inside, "eth0")))
                .doesNotContain("ingress"));
    assertThat(NetworkNamespace.exists(namespaces.pod())).isTrue();
    assertThat(networks.leftovers(Set.of())).isEmpty();
  }

  @Test
  void aNamespaceThatHasGoneIsReleasedAndRefused() {
    attach("pod");
    NetworkNamespace.destroy(namespaces.pod());
    networks.release("pod");
    assertThat(networks.leftovers(Set.of())).isEmpty();
    assertThatThrownBy(() -> attach("pod")).hasMessageContaining("is not a network namespace");
  }
}
