package dev.casemate.network;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.linux.Stat;
import dev.casemate.linux.TunTap;
import dev.casemate.netlink.MacAddress;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.RouteNetlink;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Attaches the existing interfaces of a namespace to a VM, and detaches them again. */
public final class Takeover {
  private static final String OWN_NAMESPACE = "/proc/self/ns/net";
  private static final String INIT_NAMESPACE = "/proc/1/ns/net";

  private Takeover() {}

  /**
   * Refuses the host's own network namespace: taking over its interfaces would disconnect the host.
   *
   * @param path a namespace's file
   * @throws CasemateException FAILED_PRECONDITION if it is the host's, NOT_FOUND if it is not a
   *     namespace
   */
  public static void requireForeign(String path) {
    if (!NetworkNamespace.exists(path)) {
      throw CasemateException.of(
          CasemateException.Kind.NOT_FOUND,
          path + " is not a network namespace; create it before the sandbox");
    }
    Stat there = Fs.stat(path);
    if (same(there, OWN_NAMESPACE) || same(there, INIT_NAMESPACE)) {
      throw hostNetwork("network namespace " + path + " is the host's own");
    }
  }

  private static boolean same(Stat there, String path) {
    Stat here;
    try {
      here = Fs.stat(path);
    } catch (LinuxException e) {
      // The first process may be one that not even root may look into.
      if (e.errno() == Errno.EACCES || e.errno() == Errno.EPERM || e.errno() == Errno.ENOENT) {
        return false;
      }
      throw e;
    }
    return here.inode() == there.inode()
        && here.filesystemMajor() == there.filesystemMajor()
        && here.filesystemMinor() == there.filesystemMinor();
  }

  /** The error for a request for the host's network. */
  public static CasemateException hostNetwork(String what) {
    return CasemateException.of(
        CasemateException.Kind.FAILED_PRECONDITION,
        what
            + ": a VM cannot share the host's network (it would have to take the host's interfaces"
            + " away); run it with a network of its own: without hostNetwork in Kubernetes, without"
            + " --network host in Docker, or with another runtime");
  }

  /**
   * Opens the VM's end of an interface that has been joined.
   *
   * @param netnsPath the interface's namespace
   */
  public static Fd openTap(String netnsPath, Endpoint endpoint) {
    return switch (endpoint.joint()) {
      case REDIRECT, GIVEN_TAP ->
          NetworkNamespace.run(netnsPath, () -> TunTap.open(endpoint.tapName(), true));
      case MACVTAP, GIVEN_MACVTAP -> MacVtap.open(netnsPath, endpoint.tapName());
    };
  }

  static MacAddress requireMac(NetworkLink link, String netnsPath) {
    return link.mac()
        .orElseThrow(
            () ->
                CasemateException.of(
                    CasemateException.Kind.INVALID_ARGUMENT,
                    "interface "
                        + link.name()
                        + " in "
                        + netnsPath
                        + " has no Ethernet address; a VM can only take over an Ethernet"
                        + " interface"));
  }

  /** Joins one interface by name, by tc redirection. */
  static Endpoint attach(RouteNetlink route, String netnsPath, String owner, String interfaceName) {
    NetworkLink link =
        route
            .link(interfaceName)
            .orElseThrow(
                () ->
                    CasemateException.of(
                        CasemateException.Kind.NOT_FOUND,
                        "network namespace "
                            + netnsPath
                            + " has no interface "
                            + interfaceName
                            + "; create it before the sandbox"));
    return TapRedirect.attach(route, NamespaceScan.of(route), netnsPath, owner, link);
  }

  /** Joins every interface that a VM is to have, in their order; if one fails, none. */
  static List<Endpoint> attachAll(String netnsPath, String owner, NetworkModel model) {
    if (model == NetworkModel.NONE) {
      return List.of();
    }
    try (RouteNetlink route = NetworkNamespace.run(netnsPath, RouteNetlink::open)) {
      List<Endpoint> endpoints = new ArrayList<>();
      try {
        NamespaceScan scan = NamespaceScan.of(route);
        for (NetworkLink link : scan.candidates()) {
          endpoints.add(attach(route, scan, netnsPath, owner, model, link));
        }
        return endpoints;
      } catch (RuntimeException e) {
        for (Endpoint endpoint : endpoints) {
          detach(route, endpoint);
        }
        throw e;
      }
    }
  }

  private static Endpoint attach(
      RouteNetlink route,
      NamespaceScan scan,
      String netnsPath,
      String owner,
      NetworkModel model,
      NetworkLink link) {
    if (link.ipvlanL3s()) {
      throw CasemateException.of(
          CasemateException.Kind.INVALID_ARGUMENT,
          "interface "
              + link.name()
              + " in "
              + netnsPath
              + " is an ipvlan of mode l3s, whose packets the host's IP stack takes before a VM"
              + " could; make it one of mode l2 or l3");
    }
    return switch (link.kind()) {
      case "macvtap" ->
          scan.describe(link, requireMac(link, netnsPath)).joined(Joint.GIVEN_MACVTAP, link.name());
      case "tun" ->
          // With a process at its other end, such as slirp, it is an interface like any other.
          link.carrier()
              ? TapRedirect.attach(route, scan, netnsPath, owner, link)
              : GivenTap.attach(route, scan, netnsPath, link);
      // There can be no macvtap on top of them.
      case "macvlan", "ipvlan" -> TapRedirect.attach(route, scan, netnsPath, owner, link);
      default ->
          model == NetworkModel.MACVTAP
              ? MacVtap.attach(route, scan, netnsPath, owner, link)
              : TapRedirect.attach(route, scan, netnsPath, owner, link);
    };
  }

  /** Looks again: joins what is new, and says what is gone and what has changed. */
  static NetworkChange refresh(SandboxNetwork network, NetworkModel model) {
    List<Endpoint> kept = new ArrayList<>();
    List<Endpoint> added = new ArrayList<>();
    List<Endpoint> changed = new ArrayList<>();
    List<Endpoint> gone = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    String netns = network.netnsPath();
    if (model == NetworkModel.NONE) {
      return new NetworkChange(network, added, changed, gone, problems);
    }
    try (RouteNetlink route = NetworkNamespace.run(netns, RouteNetlink::open)) {
      NamespaceScan scan = NamespaceScan.of(route);
      for (Endpoint known : network.endpoints()) {
        Optional<NetworkLink> link = link(scan, known.linkIndex());
        if (link.isEmpty()) {
          gone.add(known);
          continue;
        }
        // What a given TAP had was taken from it.
        Endpoint now =
            known.joint() == Joint.GIVEN_TAP
                ? known.renamed(link.get().name())
                : known.with(scan.describe(link.get(), known.mac()));
        if (known.joint() == Joint.REDIRECT && !now.interfaceName().equals(known.interfaceName())) {
          // What a crash leaves is found by the alias.
          scanned(scan, known.tapName())
              .ifPresent(
                  tap ->
                      route.setAlias(
                          tap.index(), Names.tapAlias(network.sandboxId(), now.interfaceName())));
        }
        kept.add(now);
        if (!now.looksLike(known)) {
          changed.add(now);
        }
      }
      for (NetworkLink link : scan.candidates()) {
        // Whoever furnishes a namespace names an interface and gives it its address before he sets
        // it up: until then it is not ready to be taken.
        if (!link.isUp() || isKept(link, kept)) {
          continue;
        }
        try {
          added.add(attach(route, scan, netns, network.sandboxId(), model, link));
        } catch (CasemateException e) {
          problems.add(String.valueOf(e.getMessage()));
        } catch (LinuxException e) {
          // Gone again already.
          if (e.errno() != Errno.ENODEV) {
            problems.add("interface " + link.name() + ": " + e.getMessage());
          }
        }
      }
    }
    kept.addAll(added);
    return new NetworkChange(
        new SandboxNetwork(
            network.sandboxId(), netns, List.copyOf(kept), network.dns(), network.published()),
        added,
        changed,
        gone,
        problems);
  }

  private static boolean isKept(NetworkLink link, List<Endpoint> kept) {
    for (Endpoint one : kept) {
      if (one.linkIndex() == link.index()) {
        return true;
      }
    }
    return false;
  }

  private static Optional<NetworkLink> link(NamespaceScan scan, int index) {
    for (NetworkLink link : scan.links()) {
      if (link.index() == index) {
        return Optional.of(link);
      }
    }
    return Optional.empty();
  }

  private static Optional<NetworkLink> scanned(NamespaceScan scan, String name) {
    for (NetworkLink link : scan.links()) {
      if (link.name().equals(name)) {
        return Optional.of(link);
      }
    }
    return Optional.empty();
  }

  /**
   * Undoes everything that was done for a sandbox in a namespace, also what no record tells of;
   * what is gone already is fine.
   */
  static void detachAll(SandboxNetwork network) {
    if (!NetworkNamespace.exists(network.netnsPath())) {
      return;
    }
    try (RouteNetlink route = NetworkNamespace.run(network.netnsPath(), RouteNetlink::open)) {
      for (Endpoint endpoint : network.endpoints()) {
        detach(route, endpoint);
      }
      String prefix = Names.tapAlias(network.sandboxId(), "");
      for (NetworkLink link : route.links()) {
        if (link.alias().startsWith(prefix)) {
          // Deleting the TAP leaves a redirection that leads nowhere.
          TapRedirect.detach(
              route,
              link.kind().equals("tun") ? link.alias().substring(prefix.length()) : "",
              link.name());
        }
      }
    }
  }

  static void detach(RouteNetlink route, Endpoint endpoint) {
    switch (endpoint.joint()) {
      case REDIRECT -> {
        // Another interface may have the name by now.
        Optional<NetworkLink> link = route.link(endpoint.interfaceName());
        boolean same =
            link.isPresent()
                && (endpoint.linkIndex() == 0 || link.get().index() == endpoint.linkIndex());
        TapRedirect.detach(route, same ? endpoint.interfaceName() : "", endpoint.tapName());
      }
      case MACVTAP -> deleteLink(route, endpoint.tapName());
      case GIVEN_TAP -> GivenTap.detach(route, endpoint);
      case GIVEN_MACVTAP -> {
        // Nothing was done to it.
      }
    }
  }

  static void deleteLink(RouteNetlink route, String name) {
    Optional<NetworkLink> link = route.link(name);
    if (link.isPresent()) {
      try {
        route.deleteLink(link.get().index());
      } catch (LinuxException e) {
        if (e.errno() != Errno.ENODEV) {
          throw e;
        }
      }
    }
  }
}
