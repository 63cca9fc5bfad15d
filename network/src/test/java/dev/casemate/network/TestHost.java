package dev.casemate.network;

import dev.casemate.linux.Fd;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.MacAddress;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.NetworkRoute;
import dev.casemate.netlink.NfTables;
import dev.casemate.netlink.RouteNetlink;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.Callable;

/** A host with an outside world, two namespaces on a veth pair: 192.0.2.1 and 192.0.2.2. */
final class TestHost implements AutoCloseable {
  static final String HOST = "192.0.2.1";
  static final String OUTSIDE = "192.0.2.2";
  private final String host;
  private final String outside;
  private final List<String> before;
  final Path run;

  TestHost(Path directory) {
    host = directory.resolve("host").toString();
    outside = directory.resolve("outside").toString();
    run = directory.resolve("run");
    NetworkNamespace.create(host);
    NetworkNamespace.create(outside);
    try (RouteNetlink h = NetworkNamespace.run(host, RouteNetlink::open);
        RouteNetlink o = NetworkNamespace.run(outside, RouteNetlink::open);
        Fd there = NetworkNamespace.open(outside)) {
      h.createVeth(
          new RouteNetlink.VethEnd("up0", Optional.of(MacAddress.parse("02:00:00:00:00:01"))),
          0,
          new RouteNetlink.VethEnd("up0", Optional.of(MacAddress.parse("02:00:00:00:00:02"))),
          there,
          1400);
      up(h, HOST);
      up(o, OUTSIDE);
      h.replaceRoute(
          NetworkRoute.via(
              IpNetwork.ANY_V4,
              IpNetwork.parse(OUTSIDE).address(),
              h.link("up0").orElseThrow().index()));
    }
    before = state();
  }

  private static void up(RouteNetlink route, String address) {
    NetworkLink link = route.link("up0").orElseThrow();
    route.setUp(route.link("lo").orElseThrow().index());
    route.setUp(link.index());
    route.addAddress(link.index(), IpNetwork.parse(address + "/24"));
  }

  <T> T onHost(Callable<T> task) {
    return NetworkNamespace.run(host, task);
  }

  <T> T outside(Callable<T> task) {
    return NetworkNamespace.run(outside, task);
  }

  Networks networks() {
    return new Networks(run.toString());
  }

  SandboxNetwork attach(String id, NetworkConfig config) {
    return onHost(() -> networks().attach(id, config));
  }

  void release(String id) {
    onHost(
        () -> {
          networks().release(id);
          return true;
        });
  }

  /** Everything that the kernel has in the calling thread's namespace. */
  static List<String> dump() {
    List<String> all = new ArrayList<>();
    try (RouteNetlink route = RouteNetlink.open();
        NfTables tables = NfTables.open()) {
      TreeSet<String> lines = new TreeSet<>();
      for (NetworkLink link : route.links()) {
        lines.add(link.index() + " " + link.name() + " " + link.kind() + " " + link.master());
      }
      route.addresses().forEach(a -> lines.add(a.linkIndex() + " " + a.network()));
      for (NetworkRoute r : route.routes()) {
        // Group and link-local routes come and go with the kernel's own timing.
        if (!r.destination().address().isV6()) {
          lines.add(r.toString());
        }
      }
      tables.chains().forEach(c -> lines.add(c.toString()));
      tables.tables().forEach(t -> lines.add("table " + t));
      all.addAll(lines);
    }
    return all;
  }

  List<String> state() {
    return onHost(TestHost::dump);
  }

  List<String> stateBefore() {
    return before;
  }

  static boolean connects(String address, int port) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(address, port), 1500);
      return true;
    } catch (java.io.IOException e) {
      return false;
    }
  }

  /** Sends a datagram and says who answered with the same. */
  static Optional<String> echo(String address, int port) throws java.io.IOException {
    try (DatagramSocket socket = new DatagramSocket()) {
      byte[] data = {1, 2, 3};
      socket.setSoTimeout(1500);
      socket.send(new DatagramPacket(data, 3, InetAddress.getByName(address), port));
      DatagramPacket answer = new DatagramPacket(new byte[10], 10);
      socket.receive(answer);
      return Optional.of(answer.getAddress().getHostAddress() + ":" + answer.getPort());
    } catch (java.net.SocketTimeoutException | java.net.PortUnreachableException e) {
      return Optional.empty();
    }
  }

  @Override
  public void close() {
    if (run.resolve("network").toFile().exists()) {
      onHost(
          () -> {
            for (Leftover left : networks().leftovers(java.util.Set.of())) {
              if (!left.sandboxId().isEmpty()) {
                networks().release(left.sandboxId());
              }
            }
            return true;
          });
    }
    NetworkNamespace.destroy(host);
    NetworkNamespace.destroy(outside);
  }
}
