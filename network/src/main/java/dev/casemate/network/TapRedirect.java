package dev.casemate.network;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.linux.TunTap;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.RouteNetlink;
import dev.casemate.netlink.TrafficControl;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Joins an interface of a network namespace to a TAP, so that a VM's interface takes its place:
 * whatever arrives at one leaves by the other, before the namespace's own IP stack sees it. It does
 * not matter who made the interface and how it was addressed.
 *
 * <p>The TAP's alias says whose it is and what it is joined to: it is there before anything else
 * is, so that what a crashed process has begun can be found and undone.
 */
final class TapRedirect {
  private static final int TAP_LIMIT = 1000;

  private TapRedirect() {}

  /** Joins an interface, and says what the guest's interface has to look like. */
  static Endpoint attach(
      RouteNetlink route, NamespaceScan scan, String netnsPath, String owner, NetworkLink link) {
    Endpoint endpoint = scan.describe(link, Takeover.requireMac(link, netnsPath));
    String tapName = freeTapName(route.links());
    TrafficControl control = new TrafficControl(route);
    boolean ingress = false;
    try {
      try (Fd tap = NetworkNamespace.run(netnsPath, () -> TunTap.open(tapName, true))) {
        TunTap.persistent(tap, true);
      }
      NetworkLink tap = route.link(tapName).orElseThrow();
      route.setAlias(tap.index(), Names.tapAlias(owner, link.name()));
      addIngress(control, link, netnsPath);
      ingress = true;
      route.noLinkLocalAddress(tap.index());
      route.setMtu(tap.index(), link.mtu());
      control.addIngress(tap.index());
      control.redirectAll(tap.index(), link.index());
      control.redirectAll(link.index(), tap.index());
      route.setUp(tap.index());
      if (!link.isUp()) {
        route.setUp(link.index());
      }
      return endpoint.joined(Joint.REDIRECT, tapName);
    } catch (RuntimeException e) {
      detach(route, ingress ? link.name() : "", tapName);
      throw e;
    }
  }

  private static void addIngress(TrafficControl control, NetworkLink link, String netnsPath) {
    try {
      control.addIngress(link.index());
    } catch (LinuxException e) {
      if (e.errno() != Errno.EEXIST) {
        throw e;
      }
      throw CasemateException.of(
          CasemateException.Kind.FAILED_PRECONDITION,
          "interface "
              + link.name()
              + " in "
              + netnsPath
              + " already has an ingress qdisc; another sandbox may be attached to it."
              + " Remove it with: tc qdisc del dev "
              + link.name()
              + " ingress",
          e);
    }
  }

  /** Takes the TAP and the redirection away; what is gone already is fine. */
  static void detach(RouteNetlink route, String interfaceName, String tapName) {
    TrafficControl control = new TrafficControl(route);
    Optional<NetworkLink> link =
        interfaceName.isEmpty() ? Optional.empty() : route.link(interfaceName);
    if (link.isPresent()) {
      try {
        control.deleteIngress(link.get().index());
      } catch (LinuxException e) {
        if (e.errno() != Errno.ENOENT && e.errno() != Errno.EINVAL && e.errno() != Errno.ENODEV) {
          throw e;
        }
      }
    }
    Takeover.deleteLink(route, tapName);
  }

  /** A name that no link has. */
  static String freeTapName(List<NetworkLink> links) {
    Set<String> taken = new HashSet<>();
    for (NetworkLink link : links) {
      taken.add(link.name());
    }
    for (int i = 0; i < TAP_LIMIT; i++) {
      if (!taken.contains("tap" + i)) {
        return "tap" + i;
      }
    }
    throw CasemateException.of(
        CasemateException.Kind.RESOURCE_EXHAUSTED,
        "a network namespace has " + TAP_LIMIT + " TAP interfaces; remove those that are unused");
  }
}
