package dev.casemate.agent;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fs;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.MacAddress;
import dev.casemate.netlink.NetworkAddress;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.RouteNetlink;
import dev.casemate.protocol.GuestContract;
import dev.casemate.protocol.agent.UpdateInterfaceRequest;
import dev.casemate.protocol.types.IPAddress;
import dev.casemate.protocol.types.IPFamily;
import dev.casemate.protocol.types.Interface;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** {@code UpdateInterface} and {@code ListInterfaces}. */
final class Interfaces {
  /** A busy host may take long to plug a card in. */
  private static final int TIMEOUT_MILLIS = 20_000;

  private static final String DEVICES = "/sys/devices";

  private Interfaces() {}

  /** Sets an interface up as asked, waiting for one that is being plugged in. */
  static void update(Agent agent, UpdateInterfaceRequest request, Answer answer) {
    Interface wanted =
        request.interface_().orElseThrow(() -> Failures.invalid("the request has no interface"));
    MacAddress mac = parse("MAC address", wanted.hwAddr(), MacAddress::parse);
    Optional<PciPath> place =
        wanted.devicePath().isEmpty()
            ? Optional.empty()
            : Optional.of(PciPath.parse(wanted.devicePath()));
    agent.modules().loadGroup(GuestContract.NET_MODULES);
    agent
        .uevents()
        .await(
            agent.loop(),
            TIMEOUT_MILLIS,
            () -> find(place, mac),
            link -> {
              try {
                if (link.isEmpty()) {
                  throw CasemateException.of(
                      Kind.TIMEOUT,
                      "no interface with address "
                          + mac
                          + place.map(p -> " in slot " + wanted.devicePath()).orElse("")
                          + " appeared within "
                          + TIMEOUT_MILLIS
                          + " ms");
                }
                answer.ok(apply(link.get(), wanted));
              } catch (RuntimeException e) {
                answer.fail(e);
              }
            });
  }

  /** By its place if that is known: two cards may have the same address. */
  private static Optional<NetworkLink> find(Optional<PciPath> place, MacAddress mac) {
    try (RouteNetlink netlink = RouteNetlink.open()) {
      return place.isPresent()
          ? place.get().sysfs(DEVICES).flatMap(Interfaces::name).flatMap(netlink::link)
          : netlink.link(mac);
    }
  }

  /** The name in {@code PCI-DEVICE/virtioN/net/NAME}. */
  private static Optional<String> name(String pciDevice) {
    for (String child : Fs.list(pciDevice)) {
      String net = pciDevice + "/" + child + "/net";
      if (child.startsWith("virtio") && Fs.exists(net)) {
        for (String name : Fs.list(net)) {
          return Optional.of(name);
        }
      }
    }
    return Optional.empty();
  }

  private static Interface apply(NetworkLink link, Interface wanted) {
    List<IpNetwork> networks = new ArrayList<>();
    for (IPAddress address : wanted.ipAddresses()) {
      networks.add(parse("address", address.address() + "/" + address.mask(), IpNetwork::parse));
    }
    int index = link.index();
    try (RouteNetlink netlink = RouteNetlink.open()) {
      String name = wanted.device().isEmpty() ? wanted.name() : wanted.device();
      if (!name.isEmpty() && !name.equals(link.name())) {
        if (link.isUp()) {
          netlink.setDown(index);
        }
        makeWay(netlink, name);
        netlink.rename(index, name);
      }
      if (wanted.mtu() != 0) {
        netlink.setMtu(index, Math.clamp(wanted.mtu(), 68, 65535));
      }
      boolean noArp = (wanted.rawFlags() & NetworkLink.NO_ARP) != 0;
      if (noArp != link.isNoArp()) {
        netlink.setArp(index, !noArp);
      }
      for (NetworkAddress address : netlink.addresses()) {
        if (address.linkIndex() == index
            && address.isGlobal()
            && !networks.contains(address.network())) {
          netlink.deleteAddress(index, address.network());
        }
      }
      for (IpNetwork network : networks) {
        netlink.addAddress(index, network);
      }
      netlink.setUp(index);
      return describe(netlink.link(wanted(name, link)).orElse(link), netlink.addresses());
    }
  }

  private static String wanted(String name, NetworkLink link) {
    return name.isEmpty() ? link.name() : name;
  }

  /** Another interface may have the name by accident: the kernel named it first. */
  private static void makeWay(RouteNetlink netlink, String name) {
    Optional<NetworkLink> other = netlink.link(name);
    if (other.isPresent()) {
      netlink.setDown(other.get().index());
      netlink.rename(other.get().index(), "old" + other.get().index());
    }
  }

  static dev.casemate.protocol.agent.Interfaces list() {
    try (RouteNetlink netlink = RouteNetlink.open()) {
      List<NetworkAddress> addresses = netlink.addresses();
      List<Interface> interfaces = new ArrayList<>();
      for (NetworkLink link : netlink.links()) {
        interfaces.add(describe(link, addresses));
      }
      return dev.casemate.protocol.agent.Interfaces.builder().interfaces(interfaces).build();
    }
  }

  private static Interface describe(NetworkLink link, List<NetworkAddress> addresses) {
    Interface.Builder builder =
        Interface.builder()
            .device(link.name())
            .name(link.name())
            .mtu(link.mtu())
            .hwAddr(link.mac().map(MacAddress::toString).orElse(""))
            .type(link.kind())
            .rawFlags(link.flags());
    for (NetworkAddress address : addresses) {
      if (address.linkIndex() == link.index()) {
        builder.addIpAddresses(
            IPAddress.builder()
                .family(address.network().address().isV6() ? IPFamily.V6 : IPFamily.V4)
                .address(address.network().address().toString())
                .mask(Integer.toString(address.network().prefix()))
                .build());
      }
    }
    return builder.build();
  }

  /** What turns a text into a value or throws. */
  interface Parser<T> {
    T parse(String text);
  }

  static <T> T parse(String what, String text, Parser<T> parser) {
    try {
      return parser.parse(text);
    } catch (IllegalArgumentException e) {
      throw Failures.invalid(what + " \"" + text + "\" is not valid: " + e.getMessage());
    }
  }
}
