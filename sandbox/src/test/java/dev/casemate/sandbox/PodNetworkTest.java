package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.linux.Fs;
import dev.casemate.linux.IpAddress;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.MacAddress;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.NetworkNeighbour;
import dev.casemate.netlink.NetworkRoute;
import dev.casemate.netlink.RouteNetlink;
import dev.casemate.netlink.TrafficControl;
import dev.casemate.network.DnsConfig;
import dev.casemate.network.NetworkConfig;
import dev.casemate.network.NetworkModel;
import dev.casemate.testsupport.PodNamespaces;
import dev.casemate.testsupport.Wait;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A pod whose namespace others furnish, before and after it has started, in a real VM. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
@Tag("vm")
class PodNetworkTest {
  private static final IpAddress GATEWAY = IpAddress.parse("169.254.7.7");
  private static final MacAddress GATEWAY_MAC = MacAddress.parse("ee:ee:ee:ee:ee:ee");
  private static final IpNetwork LATE_ADDRESS = IpNetwork.parse("10.9.0.9/24");

  private static PodNamespaces namespaces;
  private static TestPod pod;
  private static List<String> before = List.of();

  @BeforeAll
  static void startPod(@TempDir Path directory) throws Exception {
    namespaces = new PodNamespaces(directory);
    namespaces.addVeth("eth0", 0);
    namespaces.addIpv6("eth0", 0);
    namespaces.with((outside, inside) -> addRoutes(inside));
    before = links(namespaces);
    pod = new TestPod(directory, Optional.of(config(namespaces, NetworkModel.TCFILTER)), 4);
    pod.sandbox.awaitBoot();
  }

  private static void addRoutes(RouteNetlink inside) {
    int eth0 = PodNamespaces.index(inside, "eth0");
    inside.replaceRoute(NetworkRoute.via(IpNetwork.ANY_V4, IpAddress.parse("10.9.0.1"), eth0));
    inside.replaceRoute(
        new NetworkRoute(
            IpNetwork.parse("10.66.0.0/16"),
            Optional.of(GATEWAY),
            eth0,
            Optional.of(IpAddress.parse("10.9.0.2")),
            77,
            1300,
            0,
            NetworkRoute.TABLE_MAIN,
            NetworkRoute.UNICAST,
            NetworkRoute.PROTOCOL_STATIC,
            true));
    inside.replaceRoute(NetworkRoute.via(IpNetwork.ANY_V6, IpAddress.parse("fd00:9:0::1"), eth0));
    inside.replaceNeighbour(
        new NetworkNeighbour(eth0, GATEWAY, Optional.of(GATEWAY_MAC), NetworkNeighbour.PERMANENT));
  }

  /** The namespace is given back as it was. */
  @AfterAll
  static void closePod() throws Exception {
    pod.close();
    try {
      assertThat(pod.warnings).isEmpty();
      assertThat(links(namespaces)).isEqualTo(before);
    } finally {
      namespaces.close();
    }
  }

  private static NetworkConfig config(PodNamespaces namespaces, NetworkModel model) {
    return new NetworkConfig.Namespace(namespaces.pod(), DnsConfig.HOST, model);
  }

  /** The links of the pod's namespace, each with whether its traffic is redirected. */
  private static List<String> links(PodNamespaces namespaces) throws Exception {
    List<String> names = new ArrayList<>();
    namespaces.with(
        (outside, inside) -> {
          for (NetworkLink link : inside.links()) {
            names.add(
                link.name()
                    + new TrafficControl(inside).disciplines(link.index()).contains("ingress"));
          }
        });
    return names;
  }

  private static TestPod.Running start(String id, String script) throws Exception {
    return pod.start(id, TestPod.spec(script, List.of(), new Json.Obj()));
  }

  /** A script that waits until a command's output has a text, and writes a word then. */
  private static String until(String command, String text, String word) {
    return "until "
        + command
        + " 2>&1 | grep -q "
        + text
        + "; do sleep 0.2; done; echo "
        + word
        + ";";
  }

  /** Engines find the namespace, and its figures, by the VMM's pid. */
  @Test
  void theVmmIsInThePodsNamespace() {
    String own = "/proc/" + pod.sandbox.vmmPid() + "/ns/net";
    assertThat(Fs.stat(own).inode()).isEqualTo(Fs.stat(namespaces.pod()).inode());
  }

  @Test
  void theGuestHasTheAddressesOfItsNamespace() throws Exception {
    assertThat(pod.run("addresses", "ip addr"))
        .contains(PodNamespaces.mac(0).toString())
        .contains("mtu 1450")
        .contains("10.9.0.2/24")
        .contains("fd00:9::2/64");
  }

  @Test
  void theGuestHasTheRoutesAndNeighboursOfItsNamespace() throws Exception {
    assertThat(pod.run("routes", "ip route; ip -6 route; ip neigh"))
        .contains("default via 10.9.0.1 dev eth0")
        .contains("10.66.0.0/16 via 169.254.7.7 dev eth0")
        .contains("onlink")
        .contains("src 10.9.0.2")
        .contains("metric 77")
        .contains("default via fd00:9::1 dev eth0")
        .contains("169.254.7.7 dev eth0 lladdr ee:ee:ee:ee:ee:ee");
  }

  @Test
  void theGuestAnswersAtBothAddressesAndItsPacketsAreCounted() throws Exception {
    TestPod.Running running = start("answers", "sleep 1000");
    assertThat(namespaces.pings("10.9.0.2")).isTrue();
    assertThat(namespaces.pings("fd00:9::2")).isTrue();
    assertThat(running.container().stats().networkStats())
        .anyMatch(n -> n.name().equals("eth0") && n.rxPackets() > 0 && n.txPackets() > 0);
    pod.stop(running);
  }

  @Test
  void anInterfaceComesAndGoes() throws Exception {
    TestPod.Running running =
        start(
            "comes",
            until("ip addr show eth1", "10.9.1.2", "ETH1")
                + " while ip addr show eth1 > /dev/null 2>&1; do sleep 0.2; done; echo GONE;"
                + " sleep 1000");
    namespaces.addVeth("eth1", 1);
    namespaces.with(
        (outside, inside) ->
            inside.replaceRoute(
                NetworkRoute.via(
                    IpNetwork.parse("10.55.0.0/16"),
                    IpAddress.parse("10.9.1.1"),
                    PodNamespaces.index(inside, "eth1"))));
    running.await("ETH1");
    assertThat(namespaces.pings("10.9.1.2")).isTrue();
    // What was there stays as it was.
    assertThat(namespaces.pings("10.9.0.2")).isTrue();
    namespaces.deleteVeth(1);
    running.await("GONE");
    Wait.until(5, "the end of the second TAP", () -> linkNames().size() <= 3);
    assertThat(linkNames()).containsExactly("lofalse", "eth0true", "tap0true");
    pod.stop(running);
  }

  private static List<String> linkNames() {
    try {
      return links(namespaces);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void anAddressComes() throws Exception {
    TestPod.Running running =
        start("changes", until("ip addr show eth0", "10.9.0.9", "CHANGED") + "sleep 1000");
    namespaces.with(
        (outside, inside) -> inside.addAddress(PodNamespaces.index(inside, "eth0"), LATE_ADDRESS));
    running.await("CHANGED");
    pod.stop(running);
    namespaces.with(
        (outside, inside) ->
            inside.deleteAddress(PodNamespaces.index(inside, "eth0"), LATE_ADDRESS));
  }

  @Test
  void arpIsTurnedOffAndOn() throws Exception {
    TestPod.Running running =
        start(
            "silent",
            until("ip addr show eth0", "NOARP", "SILENT")
                + " while ip addr show eth0 | grep -q NOARP; do sleep 0.2; done; echo ASKS;"
                + " sleep 1000");
    namespaces.with((outside, inside) -> inside.setArp(PodNamespaces.index(inside, "eth0"), false));
    running.await("SILENT");
    namespaces.with((outside, inside) -> inside.setArp(PodNamespaces.index(inside, "eth0"), true));
    running.await("ASKS");
    pod.stop(running);
  }

  /** Docker's order: the namespace is empty when the container is created. */
  @Test
  void theNetworkComesAfterTheContainer(@TempDir Path directory) throws Exception {
    try (PodNamespaces own = new PodNamespaces(directory)) {
      List<String> empty = links(own);
      try (TestPod late =
          new TestPod(directory, Optional.of(config(own, NetworkModel.MACVTAP)), 4)) {
        late.sandbox.awaitBoot();
        own.addVeth("eth0", 0);
        // What is there when a container starts, it has from its first instruction on.
        assertThat(late.run("n2", "ip addr show eth0")).contains("10.9.0.2/24");
        TestPod.Running running =
            late.start("n3", TestPod.spec("echo UP; sleep 1000", List.of(), new Json.Obj()));
        running.await("UP");
        assertThat(own.pings("10.9.0.2")).isTrue();
        late.stop(running);
        assertThat(late.warnings).isEmpty();
      }
      own.deleteVeth(0);
      assertThat(links(own)).isEqualTo(empty);
    }
  }
}
