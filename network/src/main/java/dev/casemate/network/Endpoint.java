package dev.casemate.network;

import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.MacAddress;
import dev.casemate.netlink.NetworkNeighbour;
import dev.casemate.netlink.NetworkRoute;
import java.util.List;

/**
 * A network interface of the guest: its name and configuration, and the TAP in the sandbox's
 * namespace that the VMM connects it to.
 *
 * @param interfaceName the guest's name for it, the same as in the namespace: {@code eth0}
 * @param linkIndex the namespace's interface; another one of the same name has another index
 * @param joint what makes the interface the guest's
 * @param tapName {@code tap0}; what {@link Takeover#openTap} opens
 * @param mac the guest's interface has this address: it is the namespace's interface's
 * @param mtu bytes
 * @param noArp neither asks for nor answers about addresses, as an ipvlan of mode L3
 * @param addresses with their prefixes
 * @param routes without those that follow from the addresses; {@code linkIndex} is the namespace's
 * @param neighbours permanent entries only
 */
public record Endpoint(
    String interfaceName,
    int linkIndex,
    Joint joint,
    String tapName,
    MacAddress mac,
    int mtu,
    boolean noArp,
    List<IpNetwork> addresses,
    List<NetworkRoute> routes,
    List<NetworkNeighbour> neighbours) {

  /**
   * Whether the guest has nothing to change for the other one: same name, MTU, flag, addresses,
   * routes.
   */
  public boolean looksLike(Endpoint other) {
    return interfaceName.equals(other.interfaceName)
        && mtu == other.mtu
        && noArp == other.noArp
        && addresses.equals(other.addresses)
        && routes.equals(other.routes)
        && neighbours.equals(other.neighbours);
  }

  Endpoint joined(Joint newJoint, String newTapName) {
    return new Endpoint(
        interfaceName,
        linkIndex,
        newJoint,
        newTapName,
        mac,
        mtu,
        noArp,
        addresses,
        routes,
        neighbours);
  }

  /** This interface under another name. */
  Endpoint renamed(String newName) {
    return new Endpoint(
        newName, linkIndex, joint, tapName, mac, mtu, noArp, addresses, routes, neighbours);
  }

  /** This interface, with name, addresses and routes as they are in another look at it. */
  Endpoint with(Endpoint look) {
    return new Endpoint(
        look.interfaceName,
        linkIndex,
        joint,
        tapName,
        mac,
        look.mtu,
        look.noArp,
        look.addresses,
        look.routes,
        look.neighbours);
  }
}
