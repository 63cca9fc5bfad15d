package dev.casemate.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.MacAddress;
import dev.casemate.netlink.NetworkRoute;
import dev.casemate.netlink.NfTables;
import dev.casemate.netlink.RouteNetlink;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Making, finding and taking away; without packets. */
@Tag("root")
class NetworksTest {
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

  private List<Leftover> leftovers(String... known) {
    return host.onHost(() -> host.networks().leftovers(Set.of(known)));
  }

  private void assertNothingLeft() throws Exception {
    assertThat(host.state()).isEqualTo(host.stateBefore());
    assertThat(leftovers()).isEmpty();
    for (String sub : new String[] {"netns", "network/leases", "network/sandboxes"}) {
      Path path = host.run.resolve(sub);
      if (Files.exists(path)) {
        try (var files = Files.list(path)) {
          assertThat(files).as(sub).isEmpty();
        }
      }
    }
  }

  @Test
  void manyAtOnceGetDistinctAddresses() throws Exception {
    Set<IpAddress> addresses = ConcurrentHashMap.newKeySet();
    Set<Integer> ports = ConcurrentHashMap.newKeySet();
    List<Throwable> failures = java.util.Collections.synchronizedList(new ArrayList<>());
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      String id = "box" + i;
      threads.add(
          new Thread(
              () -> {
                try {
                  SandboxNetwork network =
                      host.attach(id, NetworkConfig.bridge(PortMapping.parse("80")));
                  addresses.add(network.endpoints().get(0).addresses().get(0).address());
                  ports.add(network.published().get(0).hostPort());
                } catch (Throwable e) {
                  failures.add(e);
                }
              }));
    }
    for (Thread thread : threads) {
      thread.start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(failures).isEmpty();
    assertThat(addresses).hasSize(20);
    assertThat(ports).hasSize(20);
    threads.clear();
    for (int i = 0; i < 20; i++) {
      String id = "box" + i;
      threads.add(new Thread(() -> host.release(id)));
    }
    for (Thread thread : threads) {
      thread.start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertNothingLeft();
  }

  @Test
  void noneIsAnEmptyNamespace() throws Exception {
    SandboxNetwork network = host.attach("lonely", NetworkConfig.none());
    assertThat(network.endpoints()).isEmpty();
    assertThat(NetworkNamespace.exists(network.netnsPath())).isTrue();
    assertThat(host.state()).isEqualTo(host.stateBefore());
    assertThat(leftovers()).extracting(Leftover::kind).containsOnly("namespace", "record");
    assertThat(leftovers("lonely")).isEmpty();
    host.release("lonely");
    host.release("lonely");
    assertNothingLeft();
  }

  @Test
  void releaseNeedsOnlyTheId() throws Exception {
    NetworkConfig config = NetworkConfig.bridge(PortMapping.parse("8080:80"));
    String record = host.run + "/network/sandboxes/crashed.json";
    for (int damage = 0; damage < 6; damage++) {
      SandboxNetwork network = host.attach("crashed", config);
      switch (damage) {
        case 0 -> Fs.unlink(record);
        case 1 -> FileContent.write(record, "{\"kind\":\"br".getBytes(), 0600);
        case 2 -> NetworkNamespace.destroy(network.netnsPath());
        case 3 ->
            host.onHost(
                () -> {
                  try (RouteNetlink route = RouteNetlink.open()) {
                    route.deleteLink(route.link(Names.link("crashed")).orElseThrow().index());
                  }
                  return true;
                });
        case 4 -> FileTree.removeTree(host.run + "/network/leases");
        default ->
            host.onHost(
                () -> {
                  // Somebody flushed all packet filters.
                  try (NfTables tables = NfTables.open()) {
                    tables.apply(new NfTables.Batch(tables.tables().get(0)).deleteTable(), "");
                  }
                  return true;
                });
      }
      assertThat(leftovers()).as("damage " + damage).isNotEmpty();
      assertThat(leftovers())
          .filteredOn(l -> !l.sandboxId().isEmpty())
          .extracting(Leftover::sandboxId)
          .containsOnly("crashed");
      host.release("crashed");
      assertNothingLeft();
    }
  }

  @Test
  void failureLeavesNothing() throws Exception {
    host.attach("holder", NetworkConfig.bridge(PortMapping.parse("8080:80")));
    List<String> before = host.state();
    assertThatThrownBy(
            () -> host.attach("late", NetworkConfig.bridge(PortMapping.parse("8080:80"))))
        .isInstanceOf(CasemateException.class);
    assertThat(host.state()).isEqualTo(before);
    assertThat(leftovers("holder")).isEmpty();
    // The veth's name is taken: fails in the midst of it.
    host.onHost(
        () -> {
          try (RouteNetlink route = RouteNetlink.open()) {
            route.createBridge(Names.link("late"), MacAddress.parse("02:00:00:00:00:07"), 1500);
          }
          return true;
        });
    assertThatThrownBy(() -> host.attach("late", NetworkConfig.bridge()))
        .hasMessageContaining("EEXIST");
    assertThat(leftovers("holder")).isEmpty();
    host.release("holder");
    assertNothingLeft();
  }

  @Test
  void addressesRunOutAndAreReclaimed() throws Exception {
    Files.createDirectories(host.run.resolve("network"));
    Files.writeString(host.run.resolve("network/bridge.json"), "{\"subnet\":\"10.99.0.0/29\"}");
    List<String> addresses = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      addresses.add(
          host.attach("box" + i, NetworkConfig.bridge())
              .endpoints()
              .get(0)
              .addresses()
              .get(0)
              .toString());
    }
    assertThat(addresses)
        .containsExactly(
            "10.99.0.2/29", "10.99.0.3/29", "10.99.0.4/29", "10.99.0.5/29", "10.99.0.6/29");
    assertThatThrownBy(() -> host.attach("late", NetworkConfig.bridge()))
        .isInstanceOfSatisfying(
            CasemateException.class,
            e -> assertThat(e.kind()).isEqualTo(CasemateException.Kind.RESOURCE_EXHAUSTED))
        .hasMessageContaining("10.99.0.0/29");
    NetworkNamespace.destroy(host.run + "/netns/box3");
    assertThat(host.attach("late", NetworkConfig.bridge()).endpoints().get(0).addresses())
        .containsExactly(IpNetwork.parse("10.99.0.5/29"));
    assertThat(leftovers("box0", "box1", "box2", "box4", "late")).isEmpty();
    for (String id : new String[] {"box0", "box1", "box2", "box4", "late"}) {
      host.release(id);
    }
    assertNothingLeft();
  }

  @Test
  void subnetsOfTheHostAreAvoided() {
    host.onHost(
        () -> {
          try (RouteNetlink route = RouteNetlink.open()) {
            int link = route.link("up0").orElseThrow().index();
            route.addAddress(link, IpNetwork.parse("10.87.3.1/24"));
            route.replaceRoute(NetworkRoute.onLink(IpNetwork.parse("10.187.200.0/30"), link));
          }
          return true;
        });
    assertThat(host.attach("one", NetworkConfig.bridge()).endpoints().get(0).addresses().toString())
        .isEqualTo("[172.29.0.2/16]");
  }

  @Test
  void releaseAfterTheForeignNamespaceWent() throws Exception {
    String foreign = directory.resolve("cni").toString();
    NetworkNamespace.create(foreign);
    host.attach("pod", NetworkConfig.namespace(foreign));
    NetworkNamespace.destroy(foreign);
    host.release("pod");
    assertNothingLeft();
  }

  @Test
  void warnsOfDroppingForwardChains() {
    assertThat(host.<List<String>>onHost(() -> host.networks().warnings())).isEmpty();
    host.onHost(
        () -> {
          try (NfTables tables = NfTables.open()) {
            tables.apply(
                new NfTables.Batch("filter")
                    .addTable()
                    .addChain("FORWARD", "filter", NfTables.HOOK_FORWARD, 0, true),
                "test");
          }
          return true;
        });
    assertThat(host.<List<String>>onHost(() -> host.networks().warnings()))
        .hasSize(1)
        .first()
        .asString()
        .contains("chain FORWARD of packet filter table filter drops");
  }

  @Test
  void portsComeBackAfterAFlush() throws Exception {
    SandboxNetwork network =
        host.attach("one", NetworkConfig.bridge(PortMapping.parse("127.0.0.1:8080:80")));
    try (TestGuest guest = new TestGuest(network)) {
      assertThat(guest.address()).isNotNull();
      host.onHost(
          () -> {
            try (NfTables tables = NfTables.open()) {
              tables.apply(new NfTables.Batch(tables.tables().get(0)).deleteTable(), "");
            }
            return true;
          });
      assertThat(host.<Boolean>onHost(() -> TestHost.connects("127.0.0.1", 8080))).isFalse();
      host.attach("two", NetworkConfig.bridge());
      assertThat(host.<Boolean>onHost(() -> TestHost.connects("127.0.0.1", 8080))).isTrue();
    }
    host.release("one");
    host.release("two");
    assertNothingLeft();
  }

  /** As in earnest, in the machine's own namespace; it is left as it was found. */
  @Test
  void worksInTheRootNamespace() {
    String forwarding = "/proc/sys/net/ipv4/ip_forward";
    String before = FileContent.readString(forwarding, 10);
    List<String> dump = TestHost.dump();
    Networks networks = new Networks(directory.resolve("root-run").toString());
    try {
      long best = Long.MAX_VALUE;
      for (int i = 0; i < 5; i++) {
        long start = System.nanoTime();
        networks.attach("time" + i, NetworkConfig.bridge());
        best = Math.min(best, System.nanoTime() - start);
      }
      System.out.println("attach " + best / 1000 + " us");
      SandboxNetwork network =
          networks.attach("root", NetworkConfig.bridge(PortMapping.parse("80")));
      int port = network.published().get(0).hostPort();
      try (TestGuest guest = new TestGuest(network)) {
        assertThat(TestHost.connects("127.0.0.1", port)).isTrue();
        assertThat(TestHost.connects(guest.address().toString(), 1)).isTrue();
      }
      best = Long.MAX_VALUE;
      for (int i = 0; i < 5; i++) {
        long start = System.nanoTime();
        networks.release("time" + i);
        best = Math.min(best, System.nanoTime() - start);
      }
      System.out.println("release " + best / 1000 + " us");
    } finally {
      for (Leftover left : networks.leftovers(Set.of())) {
        if (!left.sandboxId().isEmpty()) {
          networks.release(left.sandboxId());
        }
      }
      networks.release("root");
      FileContent.writeControl(forwarding, before.strip());
    }
    assertThat(TestHost.dump()).isEqualTo(dump);
    assertThat(networks.leftovers(Set.of())).isEmpty();
  }
}
