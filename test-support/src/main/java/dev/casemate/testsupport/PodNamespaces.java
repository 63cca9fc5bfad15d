package dev.casemate.testsupport;

import dev.casemate.linux.Fd;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.MacAddress;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.RouteNetlink;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The network namespaces of a node and of a pod, both empty, and what CNI's plug-ins and Docker do
 * with them.
 */
public final class PodNamespaces implements AutoCloseable {
  private static final int MTU = 1450;

  private final String node;
  private final String pod;

  /** What is done to both; {@code outside} is in the node's, {@code inside} in the pod's. */
  public interface Task {
    void run(RouteNetlink outside, RouteNetlink inside) throws Exception;
  }

  /**
   * Makes both.
   *
   * @param directory for the files on which they are mounted
   */
  public PodNamespaces(Path directory) {
    node = directory.resolve("node").toString();
    pod = directory.resolve("pod").toString();
    NetworkNamespace.create(node);
    NetworkNamespace.create(pod);
  }

  /** The file of the pod's namespace. */
  public String pod() {
    return pod;
  }

  public void with(Task task) throws Exception {
    try (RouteNetlink outside = NetworkNamespace.run(node, RouteNetlink::open);
        RouteNetlink inside = NetworkNamespace.run(pod, RouteNetlink::open)) {
      task.run(outside, inside);
    }
  }

  /** A veth pair, up, with an MTU of 1450: {@code outN} with 10.9.N.1, the other with 10.9.N.2. */
  public void addVeth(String name, int number) throws Exception {
    with(
        (outside, inside) -> {
          try (Fd there = NetworkNamespace.open(pod)) {
            outside.createVeth(
                new RouteNetlink.VethEnd("out" + number, Optional.empty()),
                0,
                new RouteNetlink.VethEnd(name, Optional.of(mac(number))),
                there,
                MTU);
          }
          int out = index(outside, "out" + number);
          outside.setUp(out);
          outside.addAddress(out, IpNetwork.parse("10.9." + number + ".1/24"));
          int in = index(inside, name);
          inside.setUp(in);
          inside.addAddress(in, IpNetwork.parse("10.9." + number + ".2/24"));
        });
  }

  /** Gives a veth pair fd00:9:N::1 and fd00:9:N::2, too. */
  public void addIpv6(String name, int number) throws Exception {
    String prefix = "fd00:9:" + number;
    with(
        (outside, inside) -> {
          outside.addAddress(index(outside, "out" + number), IpNetwork.parse(prefix + "::1/64"));
          inside.addAddress(index(inside, name), IpNetwork.parse(prefix + "::2/64"));
        });
  }

  /** Removes a veth pair. */
  public void deleteVeth(int number) throws Exception {
    with((outside, inside) -> outside.deleteLink(index(outside, "out" + number)));
  }

  /** The MAC address of a veth pair's end in the pod. */
  public static MacAddress mac(int number) {
    return MacAddress.of(new byte[] {2, 0, 0, 0, (byte) number, (byte) 0x99});
  }

  /** The number of a link that is there. */
  public static int index(RouteNetlink route, String name) {
    return route.link(name).map(NetworkLink::index).orElseThrow();
  }

  /** Whether an address answers the node within 20 seconds. */
  public boolean pings(String address) {
    return NetworkNamespace.<Boolean>run(
        node,
        () -> {
          for (int i = 0; i < 20; i++) {
            if (InetAddress.getByName(address).isReachable(1000)) {
              return true;
            }
          }
          return false;
        });
  }

  @Override
  public void close() {
    NetworkNamespace.destroy(pod);
    NetworkNamespace.destroy(node);
  }
}
