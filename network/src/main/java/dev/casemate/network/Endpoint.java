package dev.casemate.network;

import dev.casemate.linux.IpNetwork;
import dev.casemate.linux.MacAddress;
import dev.casemate.linux.NetworkNeighbour;
import dev.casemate.linux.NetworkRoute;
import java.util.List;

/**
 * A network interface of the guest: what it is to be called and to be given, and the TAP in the
 * sandbox's namespace that the VMM connects it to.
 *
 * @param interfaceName the guest's name for it, the same as in the namespace: {@code eth0}
 * @param tapName {@code tap0}
 * @param mac the guest's interface has this address: it is the namespace's interface's
 * @param mtu bytes
 * @param addresses with their prefixes
 * @param routes without those that follow from the addresses; {@code linkIndex} is the namespace's
 * @param neighbours permanent entries only
 */
public record Endpoint(
    String interfaceName,
    String tapName,
    MacAddress mac,
    int mtu,
    List<IpNetwork> addresses,
    List<NetworkRoute> routes,
    List<NetworkNeighbour> neighbours) {}
