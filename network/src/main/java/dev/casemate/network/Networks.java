package dev.casemate.network;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.linux.OpenFlag;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.MacAddress;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.NetworkRoute;
import dev.casemate.netlink.NfTables;
import dev.casemate.netlink.RouteNetlink;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The networks of all sandboxes of a run directory. Every method may be called by any process at
 * any time: the state is in the kernel and in files below {@code <run>/network} and {@code
 * <run>/netns}, under a lock. Only empty directories outlive the last sandbox; forwarding of IPv4
 * stays enabled.
 */
public final class Networks {
  private static final String GUEST_INTERFACE = "eth0";
  private static final String NONE = "none";
  private static final String BRIDGE = "bridge";
  private static final String NAMESPACE = "namespace";

  private final String directory;
  private final String records;
  private final String namespaces;
  private final String bridgeName;
  private final PacketFilter filter;
  private final Leases leases;

  /** Networks of a run directory: {@code /run/casemate}. */
  public Networks(String runDirectory) {
    this.directory = runDirectory + "/network";
    this.records = directory + "/sandboxes";
    this.namespaces = runDirectory + "/netns";
    this.bridgeName = Names.bridge(runDirectory);
    this.filter = new PacketFilter(Names.table(runDirectory), bridgeName);
    this.leases = new Leases(directory);
  }

  private Fd lock() {
    FileTree.makeDirectories(records, 0700);
    FileTree.makeDirectories(namespaces, 0700);
    Fd lock = Fs.open(directory + "/lock", OpenFlag.READ_WRITE | OpenFlag.CREATE, 0600);
    Fs.lock(lock, true, true);
    return lock;
  }

  private String record(String sandboxId) {
    return records + "/" + sandboxId + ".json";
  }

  private String namespace(String sandboxId) {
    return namespaces + "/" + sandboxId;
  }

  /**
   * Creates a sandbox's network. If that fails, nothing of it remains.
   *
   * @throws CasemateException ALREADY_EXISTS if the sandbox has one, or a port or an address is
   *     taken; RESOURCE_EXHAUSTED without a free address; INVALID_ARGUMENT for an invalid
   *     configuration
   */
  public SandboxNetwork attach(String sandboxId, NetworkConfig config) {
    Names.checkId(sandboxId);
    try (Fd lock = lock()) {
      if (Fs.exists(record(sandboxId)) || Fs.exists(namespace(sandboxId))) {
        throw CasemateException.of(
            CasemateException.Kind.ALREADY_EXISTS,
            "sandbox " + sandboxId + " already has a network; release it first");
      }
      try {
        return switch (config) {
          case NetworkConfig.None none -> none(sandboxId, none.model());
          case NetworkConfig.Bridge bridge -> bridge(sandboxId, bridge);
          case NetworkConfig.Namespace namespace -> namespace(sandboxId, namespace);
        };
      } catch (RuntimeException e) {
        try {
          releaseLocked(sandboxId);
        } catch (RuntimeException second) {
          e.addSuppressed(second);
        }
        throw e;
      }
    }
  }

  private SandboxNetwork begin(String kind, String sandboxId, String netns) {
    SandboxNetwork network = new SandboxNetwork(sandboxId, netns, List.of(), Dns.NONE, List.of());
    new NetworkRecord(kind, false, NetworkModel.TCFILTER, network).write(record(sandboxId));
    return network;
  }

  private SandboxNetwork complete(String kind, NetworkModel model, SandboxNetwork network) {
    new NetworkRecord(kind, true, model, network).write(record(network.sandboxId()));
    return network;
  }

  private SandboxNetwork none(String sandboxId, NetworkModel model) {
    SandboxNetwork network = begin(NONE, sandboxId, namespace(sandboxId));
    NetworkNamespace.create(network.netnsPath());
    return complete(NONE, model, network);
  }

  private SandboxNetwork namespace(String sandboxId, NetworkConfig.Namespace config) {
    Takeover.requireForeign(config.path());
    begin(NAMESPACE, sandboxId, config.path());
    List<Endpoint> endpoints = Takeover.attachAll(config.path(), sandboxId, config.model());
    return complete(
        NAMESPACE,
        config.model(),
        new SandboxNetwork(
            sandboxId, config.path(), endpoints, Dns.forGuest(config.dns(), true), List.of()));
  }

  private SandboxNetwork bridge(String sandboxId, NetworkConfig.Bridge config) {
    String netns = begin(BRIDGE, sandboxId, namespace(sandboxId)).netnsPath();
    Dns dns = Dns.forGuest(config.dns(), false);
    try (RouteNetlink host = RouteNetlink.open();
        NfTables tables = NfTables.open()) {
      Bridge bridge = Bridge.ensure(host, bridgeName, directory + "/bridge.json");
      if (filter.ensure(tables, bridge.subnet())) {
        restorePorts(tables);
      }
      IpAddress address = lease(sandboxId, bridge, config.address());
      MacAddress mac = config.mac().orElseGet(() -> mac(address));
      if (mac.isMulticast()) {
        throw CasemateException.of(
            CasemateException.Kind.INVALID_ARGUMENT,
            "MAC address " + mac + " is a multicast address; use one whose first byte is even");
      }
      // Published first: of all that can be refused this is the likeliest, and the cheapest.
      List<PortMapping> published = filter.publish(tables, sandboxId, address, config.publish());
      try (RouteNetlink inside = NetworkNamespace.create(netns, RouteNetlink::open);
          Fd namespace = NetworkNamespace.open(netns)) {
        String name = Names.link(sandboxId);
        host.createVeth(
            new RouteNetlink.VethEnd(name, Optional.empty()),
            bridge.index(),
            new RouteNetlink.VethEnd(GUEST_INTERFACE, Optional.of(mac)),
            namespace,
            bridge.mtu());
        int port = index(host, name);
        host.setAlias(port, Names.ALIAS + sandboxId);
        host.noLinkLocalAddress(port);
        if (!published.isEmpty()) {
          // With br_netfilter a guest's packet to its own published port is bridged, not routed.
          host.setHairpin(port, true);
        }
        host.setUp(port);
        int eth = index(inside, GUEST_INTERFACE);
        inside.noLinkLocalAddress(eth);
        inside.setUp(eth);
        inside.addAddress(eth, new IpNetwork(address, bridge.subnet().prefix()));
        inside.replaceRoute(NetworkRoute.via(IpNetwork.ANY_V4, bridge.gateway(), eth));
        Endpoint endpoint = Takeover.attach(inside, netns, sandboxId, GUEST_INTERFACE);
        return complete(
            BRIDGE,
            NetworkModel.TCFILTER,
            new SandboxNetwork(sandboxId, netns, List.of(endpoint), dns, published));
      }
    }
  }

  /** All packet filters were flushed while sandboxes are running. */
  private void restorePorts(NfTables tables) {
    for (String owner : new HashSet<>(leases.all().values())) {
      Optional<NetworkRecord> record = owner.isEmpty() ? Optional.empty() : readForRelease(owner);
      if (record.isPresent() && record.get().complete()) {
        SandboxNetwork network = record.get().network();
        for (Endpoint endpoint : network.endpoints()) {
          filter.restore(tables, owner, endpoint.addresses().get(0).address(), network.published());
        }
      }
    }
  }

  private static int index(RouteNetlink route, String name) {
    return route
        .link(name)
        .orElseThrow(() -> new LinuxException("netlink find link", name, Errno.ENODEV))
        .index();
  }

  /** Locally administered, and different for different addresses. */
  private static MacAddress mac(IpAddress address) {
    byte[] ip = address.bytes();
    return MacAddress.of(new byte[] {2, (byte) 0xca, ip[0], ip[1], ip[2], ip[3]});
  }

  private IpAddress lease(String sandboxId, Bridge bridge, Optional<IpAddress> wanted) {
    try {
      return leases.lease(sandboxId, bridge.subnet(), bridge.gateway(), wanted);
    } catch (CasemateException e) {
      if (e.kind() == CasemateException.Kind.INVALID_ARGUMENT || !reclaim(sandboxId)) {
        throw e;
      }
      return leases.lease(sandboxId, bridge.subnet(), bridge.gateway(), wanted);
    }
  }

  /** Releases sandboxes whose namespace is gone: while we hold the lock none is being made. */
  private boolean reclaim(String sandboxId) {
    boolean some = false;
    for (Map.Entry<String, String> lease : leases.all().entrySet()) {
      String owner = lease.getValue();
      if (owner.isEmpty()) {
        leases.release(IpAddress.parse(lease.getKey()));
        some = true;
      } else if (!owner.equals(sandboxId) && !NetworkNamespace.exists(namespace(owner))) {
        releaseSandbox(owner);
        some = true;
      }
    }
    return some;
  }

  /** A sandbox's network; empty if it has none or its creation was not completed. */
  public Optional<SandboxNetwork> find(String sandboxId) {
    Names.checkId(sandboxId);
    Optional<NetworkRecord> record = NetworkRecord.read(record(sandboxId));
    return record.isPresent() && record.get().complete()
        ? Optional.of(record.get().network())
        : Optional.empty();
  }

  /**
   * Rereads a sandbox's namespace, which others may have changed since, and attaches new
   * interfaces. Casemate's own bridge network does not change.
   *
   * @throws CasemateException NOT_FOUND if the sandbox has no network
   */
  public NetworkChange refresh(String sandboxId) {
    Names.checkId(sandboxId);
    try (Fd lock = lock()) {
      NetworkRecord record =
          NetworkRecord.read(record(sandboxId))
              .filter(NetworkRecord::complete)
              .orElseThrow(() -> noNetwork(sandboxId));
      if (record.kind().equals(BRIDGE)) {
        return new NetworkChange(record.network(), List.of(), List.of(), List.of(), List.of());
      }
      NetworkChange change = Takeover.refresh(record.network(), record.model());
      if (!change.isEmpty()) {
        // Those that are gone stay in the record until their TAPs are: see drop.
        List<Endpoint> all = new ArrayList<>(change.network().endpoints());
        all.addAll(change.gone());
        complete(record.kind(), record.model(), record.network().withEndpoints(all));
      }
      return change;
    }
  }

  private static CasemateException noNetwork(String sandboxId) {
    return CasemateException.of(
        CasemateException.Kind.NOT_FOUND, "sandbox " + sandboxId + " has no network");
  }

  /** Frees the resources of removed interfaces; the VM no longer uses their TAPs. */
  public void drop(String sandboxId, Endpoint gone) {
    Names.checkId(sandboxId);
    try (Fd lock = lock()) {
      Optional<NetworkRecord> record = NetworkRecord.read(record(sandboxId));
      if (record.isEmpty()) {
        return;
      }
      SandboxNetwork network = record.get().network();
      if (NetworkNamespace.exists(network.netnsPath())) {
        try (RouteNetlink route = NetworkNamespace.run(network.netnsPath(), RouteNetlink::open)) {
          Takeover.detach(route, gone);
        }
      }
      List<Endpoint> rest = new ArrayList<>(network.endpoints());
      rest.removeIf(e -> e.linkIndex() == gone.linkIndex() && e.tapName().equals(gone.tapName()));
      complete(record.get().kind(), record.get().model(), network.withEndpoints(rest));
    }
  }

  /**
   * Takes a sandbox's network away, whatever there is of it; nothing is fine. The VMM should have
   * ended, as a process keeps its namespace.
   */
  public void release(String sandboxId) {
    Names.checkId(sandboxId);
    if (!Fs.exists(directory)) {
      return;
    }
    try (Fd lock = lock()) {
      releaseLocked(sandboxId);
    }
  }

  private void releaseLocked(String sandboxId) {
    releaseSandbox(sandboxId);
    if (leases.isEmpty()) {
      removeBridge();
    }
  }

  private void releaseSandbox(String sandboxId) {
    Optional<NetworkRecord> record = readForRelease(sandboxId);
    if (record.isPresent() && !record.get().kind().equals(BRIDGE)) {
      Takeover.detachAll(record.get().network());
    } else if (record.isEmpty() || record.get().kind().equals(BRIDGE)) {
      try (RouteNetlink host = RouteNetlink.open();
          NfTables tables = NfTables.open()) {
        filter.unpublish(tables, sandboxId);
        Optional<NetworkLink> link = host.link(Names.link(sandboxId));
        if (link.isPresent()) {
          deleteLink(host, link.get().index());
        }
      }
    }
    NetworkNamespace.destroy(namespace(sandboxId));
    // The lease goes last but for the record: until then no other sandbox may get the address.
    leases.release(sandboxId);
    Fs.unlinkIfExists(record(sandboxId));
  }

  private Optional<NetworkRecord> readForRelease(String sandboxId) {
    try {
      return NetworkRecord.read(record(sandboxId));
    } catch (CasemateException | IllegalArgumentException e) {
      // Damaged: everything but a foreign namespace can be found by the id alone.
      return Optional.empty();
    }
  }

  private static void deleteLink(RouteNetlink route, int index) {
    try {
      route.deleteLink(index);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENODEV) {
        throw e;
      }
    }
  }

  private void removeBridge() {
    try (RouteNetlink host = RouteNetlink.open();
        NfTables tables = NfTables.open()) {
      filter.remove(tables);
      Optional<NetworkLink> bridge = host.link(bridgeName);
      if (bridge.isPresent() && bridge.get().kind().equals("bridge")) {
        deleteLink(host, bridge.get().index());
      }
    }
  }

  /** What there is that belongs to none of the sandboxes that the caller knows. */
  public List<Leftover> leftovers(Set<String> knownIds) {
    List<Leftover> found = new ArrayList<>();
    if (!Fs.exists(directory)) {
      return found;
    }
    try (Fd lock = lock();
        RouteNetlink host = RouteNetlink.open();
        NfTables tables = NfTables.open()) {
      for (String id : Fs.list(namespaces)) {
        if (!knownIds.contains(id)) {
          found.add(new Leftover("namespace", namespace(id), id));
        }
      }
      for (String name : Fs.list(records)) {
        String id = name.endsWith(".json") ? name.substring(0, name.length() - 5) : "";
        if (!knownIds.contains(id)) {
          found.add(new Leftover("record", records + "/" + name, id));
        }
      }
      for (Map.Entry<String, String> lease : leases.all().entrySet()) {
        if (!knownIds.contains(lease.getValue())) {
          found.add(new Leftover("lease", lease.getKey(), lease.getValue()));
        }
      }
      for (String owner : filter.owners(tables)) {
        if (!knownIds.contains(owner)) {
          found.add(new Leftover("port", "published ports", owner));
        }
      }
      links(host, knownIds, found);
      boolean used = !leases.isEmpty();
      if (!used && host.link(bridgeName).isPresent()) {
        found.add(new Leftover("bridge", bridgeName, ""));
      }
      if (!used && filter.exists(tables)) {
        found.add(new Leftover("table", filter.table(), ""));
      }
    }
    return found;
  }

  private void links(RouteNetlink host, Set<String> knownIds, List<Leftover> found) {
    Set<String> known = new HashSet<>();
    for (String id : knownIds) {
      known.add(Names.link(id));
    }
    Optional<NetworkLink> bridge = host.link(bridgeName);
    if (bridge.isPresent()) {
      for (NetworkLink link : host.links()) {
        if (link.master() == bridge.get().index() && !known.contains(link.name())) {
          found.add(
              new Leftover(
                  "link",
                  link.name(),
                  link.alias().startsWith(Names.ALIAS)
                      ? link.alias().substring(Names.ALIAS.length())
                      : ""));
        }
      }
    }
  }

  /** What on this machine may keep the bridge network from working, in sentences; for a doctor. */
  public List<String> warnings() {
    List<String> warnings = new ArrayList<>();
    try (NfTables tables = NfTables.open()) {
      for (NfTables.Chain chain : tables.chains()) {
        boolean ip = chain.family() == NfTables.IPV4 || chain.family() == NfTables.INET;
        if (ip && chain.hook() == NfTables.HOOK_FORWARD && chain.drops()) {
          warnings.add(
              "chain "
                  + chain.name()
                  + " of packet filter table "
                  + chain.table()
                  + " drops forwarded packets by default: sandboxes on "
                  + bridgeName
                  + " reach the outside only if it accepts packets from and to "
                  + bridgeName);
        }
      }
    }
    return warnings;
  }
}
