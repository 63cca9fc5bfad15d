package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.NetworkNamespace;
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
import dev.casemate.protocol.agent.StatsContainerResponse;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A pod whose namespace others furnish, before and after it has started, in a real VM. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
@Tag("vm")
class PodNetworkTest {
  private static final String MAC = "02:00:00:00:0%d:01";

  @TempDir Path directory;
  private String node;
  private String netns;

  @BeforeEach
  void createNamespaces() {
    node = directory.resolve("node").toString();
    netns = directory.resolve("netns").toString();
    NetworkNamespace.create(node);
    NetworkNamespace.create(netns);
  }

  @AfterEach
  void destroyNamespaces() {
    NetworkNamespace.destroy(netns);
    NetworkNamespace.destroy(node);
  }

  private interface Task {
    void run(RouteNetlink outside, RouteNetlink inside) throws Exception;
  }

  private void with(Task task) throws Exception {
    try (RouteNetlink outside = NetworkNamespace.run(node, RouteNetlink::open);
        RouteNetlink inside = NetworkNamespace.run(netns, RouteNetlink::open)) {
      task.run(outside, inside);
    }
  }

  private void addVeth(int number) throws Exception {
    with(
        (outside, inside) -> {
          String name = "eth" + number;
          try (Fd there = NetworkNamespace.open(netns)) {
            outside.createVeth(
                new RouteNetlink.VethEnd("out" + number, Optional.empty()),
                0,
                new RouteNetlink.VethEnd(
                    name,
                    Optional.of(MacAddress.parse(MAC.replace("%d", Integer.toString(number))))),
                there,
                1420);
          }
          int out = outside.link("out" + number).orElseThrow().index();
          outside.setUp(out);
          outside.addAddress(out, IpNetwork.parse("10.9." + number + ".1/24"));
          outside.addAddress(out, IpNetwork.parse("fd00:9:" + number + "::1/64"));
          int in = inside.link(name).orElseThrow().index();
          inside.setUp(in);
          inside.addAddress(in, IpNetwork.parse("10.9." + number + ".2/24"));
          inside.addAddress(in, IpNetwork.parse("fd00:9:" + number + "::2/64"));
        });
  }

  private boolean pings(String address) {
    return NetworkNamespace.<Boolean>run(
        node,
        () -> {
          for (int i = 0; i < 20; i++) {
            if (InetAddress.getByName(address).isReachable(2000)) {
              return true;
            }
          }
          return false;
        });
  }

  private List<String> links() throws Exception {
    List<String> names = new ArrayList<>();
    with(
        (outside, inside) -> {
          for (NetworkLink link : inside.links()) {
            names.add(
                link.name()
                    + new TrafficControl(inside).disciplines(link.index()).contains("ingress"));
          }
        });
    return names;
  }

  private TestPod pod(NetworkModel model) throws Exception {
    return new TestPod(
        directory, Optional.of(new NetworkConfig.Namespace(netns, DnsConfig.HOST, model)), 4);
  }

  @Test
  void theGuestFollowsItsNamespace() throws Exception {
    addVeth(0);
    with(
        (outside, inside) -> {
          int eth0 = inside.link("eth0").orElseThrow().index();
          NetworkRoute plain =
              NetworkRoute.via(IpNetwork.ANY_V4, IpAddress.parse("10.9.0.1"), eth0);
          inside.replaceRoute(plain);
          inside.replaceRoute(
              new NetworkRoute(
                  IpNetwork.parse("10.66.0.0/16"),
                  Optional.of(IpAddress.parse("169.254.7.7")),
                  eth0,
                  Optional.of(IpAddress.parse("10.9.0.2")),
                  77,
                  1300,
                  0,
                  NetworkRoute.TABLE_MAIN,
                  NetworkRoute.UNICAST,
                  NetworkRoute.PROTOCOL_STATIC,
                  true));
          inside.replaceRoute(
              NetworkRoute.via(IpNetwork.ANY_V6, IpAddress.parse("fd00:9:0::1"), eth0));
          inside.replaceNeighbour(
              new NetworkNeighbour(
                  eth0,
                  IpAddress.parse("169.254.7.7"),
                  Optional.of(MacAddress.parse("ee:ee:ee:ee:ee:ee")),
                  NetworkNeighbour.PERMANENT));
        });
    List<String> before = links();
    try (TestPod pod = pod(NetworkModel.TCFILTER)) {
      String look = "ip addr; ip route; ip -6 route; ip neigh";
      TestPod.Running running =
          pod.start(
              "n1",
              TestPod.spec(
                  look
                      + "; echo LOOKED; while ! ip addr show eth1 2>/dev/null | grep -q 10.9.1.2;"
                      + " do sleep 0.2; done; echo ETH1; ip route; "
                      + "while ip addr show eth1 >/dev/null 2>&1; do sleep 0.2; done; echo GONE;"
                      + " while ! ip addr show eth0 | grep -q 10.9.0.9; do sleep 0.2; done;"
                      + " echo CHANGED; while ! ip addr show eth0 | grep -q NOARP; do sleep 0.2; done;"
                      + " echo SILENT; while ip addr show eth0 | grep -q NOARP; do sleep 0.2; done;"
                      + " echo ASKS; sleep 1000",
                  List.of(),
                  new dev.casemate.base.Json.Obj()));
      running.await("LOOKED");
      // Engines find the namespace, and its figures, by the VMM's pid.
      String own = "/proc/" + pod.sandbox.vmmPid() + "/ns/net";
      assertThat(Fs.stat(own).inode()).isEqualTo(Fs.stat(netns).inode());
      assertThat(running.output())
          .contains("02:00:00:00:00:01")
          .contains("mtu 1420")
          .contains("10.9.0.2/24")
          .contains("fd00:9::2/64")
          .contains("default via 10.9.0.1 dev eth0")
          .contains("10.66.0.0/16 via 169.254.7.7 dev eth0")
          .contains("onlink")
          .contains("src 10.9.0.2")
          .contains("metric 77")
          .contains("default via fd00:9::1 dev eth0")
          .contains("169.254.7.7 dev eth0 lladdr ee:ee:ee:ee:ee:ee");
      assertThat(pings("10.9.0.2")).isTrue();
      assertThat(pings("fd00:9::2")).isTrue();
      StatsContainerResponse stats = running.container().stats();
      assertThat(stats.networkStats())
          .anyMatch(n -> n.name().equals("eth0") && n.rxPackets() > 0 && n.txPackets() > 0);

      addVeth(1);
      with(
          (outside, inside) -> {
            int eth1 = inside.link("eth1").orElseThrow().index();
            inside.replaceRoute(
                NetworkRoute.via(
                    IpNetwork.parse("10.55.0.0/16"), IpAddress.parse("10.9.1.1"), eth1));
          });
      running.await("ETH1");
      assertThat(pings("10.9.1.2")).isTrue();
      // What was there stays as it was.
      assertThat(pings("10.9.0.2")).isTrue();

      with((outside, inside) -> outside.deleteLink(outside.link("out1").orElseThrow().index()));
      running.await("GONE");
      with(
          (outside, inside) ->
              inside.addAddress(
                  inside.link("eth0").orElseThrow().index(), IpNetwork.parse("10.9.0.9/24")));
      running.await("CHANGED");
      with((outside, inside) -> inside.setArp(inside.link("eth0").orElseThrow().index(), false));
      running.await("SILENT");
      with((outside, inside) -> inside.setArp(inside.link("eth0").orElseThrow().index(), true));
      running.await("ASKS");
      for (int i = 0; i < 100 && links().size() > 3; i++) {
        TimeUnit.MILLISECONDS.sleep(50);
      }
      assertThat(links()).containsExactly("lofalse", "eth0true", "tap0true");
      assertThat(pod.warnings).isEmpty();
      pod.stop(running);
    }
    with(
        (outside, inside) ->
            inside.deleteAddress(
                inside.link("eth0").orElseThrow().index(), IpNetwork.parse("10.9.0.9/24")));
    assertThat(links()).isEqualTo(before);
  }

  /** Docker's order: the namespace is empty when the container is created. */
  @Test
  void theNetworkComesAfterTheContainer() throws Exception {
    List<String> before = links();
    try (TestPod pod = pod(NetworkModel.MACVTAP)) {
      pod.sandbox.awaitBoot();
      addVeth(0);
      // What is there when a container starts, it has from its first instruction on.
      assertThat(pod.run("n2", "ip addr show eth0")).contains("10.9.0.2/24");
      TestPod.Running running =
          pod.start(
              "n3",
              TestPod.spec("echo UP; sleep 1000", List.of(), new dev.casemate.base.Json.Obj()));
      running.await("UP");
      assertThat(pings("10.9.0.2")).isTrue();
      pod.stop(running);
      assertThat(pod.warnings).isEmpty();
    }
    with((outside, inside) -> outside.deleteLink(outside.link("out0").orElseThrow().index()));
    assertThat(links()).isEqualTo(before);
  }
}
