package dev.casemate.network;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Errno;
import dev.casemate.linux.InetPort;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import dev.casemate.netlink.Conntrack;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.NfRule;
import dev.casemate.netlink.NfTables;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Casemate's own packet filter table: NAT to the outside, published ports, and what guests may not
 * do. Published ports are elements of two maps, marked with their sandbox's id; rules never change.
 */
final class PacketFilter {
  private static final String PREFIX = "casemate";
  private static final String PORTS = "ports";
  private static final String ADDRESS_PORTS = "address-ports";
  private static final IpNetwork LOOPBACK = IpNetwork.parse("127.0.0.0/8");
  private static final int ATTEMPTS = 100;
  private static final int MAPPINGS_LIMIT = 4096;

  private final String table;
  private final String bridge;

  PacketFilter(String table, String bridge) {
    this.table = table;
    this.bridge = bridge;
  }

  /**
   * Creates the table with its chains unless it exists.
   *
   * @return whether it was created
   */
  boolean ensure(NfTables tables, IpNetwork subnet) {
    if (tables.hasTable(table)) {
      return false;
    }
    int[] target = {NfTables.TYPE_IPV4_ADDRESS, NfTables.TYPE_SERVICE};
    NfTables.Batch batch =
        new NfTables.Batch(table)
            .addTable()
            .addMap(PORTS, new int[] {NfTables.TYPE_PROTOCOL, NfTables.TYPE_SERVICE}, target)
            .addMap(
                ADDRESS_PORTS,
                new int[] {
                  NfTables.TYPE_IPV4_ADDRESS, NfTables.TYPE_PROTOCOL, NfTables.TYPE_SERVICE
                },
                target)
            .addChain("guard", "filter", NfTables.HOOK_PREROUTING, NfTables.PRIORITY_RAW)
            .addChain("forward", "filter", NfTables.HOOK_FORWARD, NfTables.PRIORITY_FILTER)
            .addChain(
                "prerouting", "nat", NfTables.HOOK_PREROUTING, NfTables.PRIORITY_DESTINATION_NAT)
            .addChain("output", "nat", NfTables.HOOK_OUTPUT, NfTables.PRIORITY_DESTINATION_NAT)
            .addChain(
                "postrouting", "nat", NfTables.HOOK_POSTROUTING, NfTables.PRIORITY_SOURCE_NAT);
    // The bridge routes 127.0.0.0/8 so that published ports work from the host's own 127.0.0.1;
    // without these a guest could reach what listens there only.
    batch
        .addRule("guard", r -> r.input(bridge, true).destination(LOOPBACK, true).drop())
        .addRule("guard", r -> r.input(bridge, true).source(subnet, false).drop());
    // Only answers and published ports come in from outside.
    batch
        .addRule(
            "forward",
            r ->
                r.input(bridge, false)
                    .output(bridge, true)
                    .state(NfRule.STATE_ESTABLISHED_RELATED)
                    .accept())
        .addRule(
            "forward",
            r ->
                r.input(bridge, false)
                    .output(bridge, true)
                    .status(NfRule.STATUS_DESTINATION_NAT)
                    .accept())
        .addRule("forward", r -> r.input(bridge, false).output(bridge, true).drop());
    for (String chain : new String[] {"prerouting", "output"}) {
      batch
          .addRule(
              chain,
              r ->
                  r.destinationType(NfRule.TYPE_LOCAL)
                      .loadDestination(0)
                      .loadProtocol(1)
                      .loadPort(2)
                      .lookup(ADDRESS_PORTS, 0, 4)
                      .destinationNat(4, 5))
          .addRule(
              chain,
              r ->
                  r.destinationType(NfRule.TYPE_LOCAL)
                      .loadProtocol(0)
                      .loadPort(1)
                      .lookup(PORTS, 0, 4)
                      .destinationNat(4, 5));
    }
    batch
        .addRule("postrouting", r -> r.source(subnet, true).output(bridge, false).masquerade())
        .addRule(
            "postrouting",
            r ->
                r.output(bridge, true)
                    .source(subnet, true)
                    .status(NfRule.STATUS_DESTINATION_NAT)
                    .masquerade())
        .addRule("postrouting", r -> r.output(bridge, true).source(LOOPBACK, true).masquerade());
    tables.apply(batch, "create table " + table);
    return true;
  }

  void remove(NfTables tables) {
    try {
      tables.apply(new NfTables.Batch(table).deleteTable(), "delete table " + table);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
    }
  }

  boolean exists(NfTables tables) {
    return tables.hasTable(table);
  }

  String table() {
    return table;
  }

  /** Ids of the sandboxes that have ports published. */
  List<String> owners(NfTables tables) {
    List<String> owners = new ArrayList<>();
    for (String map : new String[] {PORTS, ADDRESS_PORTS}) {
      for (NfTables.Element element : tables.elements(table, map)) {
        if (!owners.contains(element.comment())) {
          owners.add(element.comment());
        }
      }
    }
    return owners;
  }

  /**
   * Publishes ports.
   *
   * @return the mappings with the host ports that were chosen
   */
  List<PortMapping> publish(
      NfTables tables, String sandboxId, IpAddress address, List<PortMapping> wanted) {
    if (wanted.isEmpty()) {
      return List.of();
    }
    if (wanted.size() > MAPPINGS_LIMIT) {
      throw CasemateException.of(
          CasemateException.Kind.INVALID_ARGUMENT,
          wanted.size() + " published ports are more than " + MAPPINGS_LIMIT + "; publish fewer");
    }
    List<Published> taken = published(tables);
    List<PortMapping> mappings = new ArrayList<>();
    NfTables.Batch batch = new NfTables.Batch(table);
    // Fixed ports first: a chosen one must not take their place.
    for (int pass = 0; pass < 2; pass++) {
      for (PortMapping mapping : wanted) {
        if (mapping.hostPort() == 0 == (pass == 1)) {
          PortMapping real = pass == 0 ? claim(mapping, taken) : choose(mapping, taken);
          taken.add(new Published(real, sandboxId));
          mappings.add(real);
          batch.addElement(map(real), element(real, address, sandboxId));
        }
      }
    }
    tables.apply(batch, "publish ports of sandbox " + sandboxId);
    forget(mappings, address);
    return mappings;
  }

  /** Publishes what a sandbox had published before the table was lost. */
  void restore(NfTables tables, String sandboxId, IpAddress address, List<PortMapping> published) {
    NfTables.Batch batch = new NfTables.Batch(table);
    for (PortMapping mapping : published) {
      batch.addElement(map(mapping), element(mapping, address, sandboxId));
    }
    tables.apply(batch, "publish ports of sandbox " + sandboxId + " again");
  }

  private record Published(PortMapping mapping, String sandboxId) {}

  /** What all tables of this machine's Casemates publish. */
  private List<Published> published(NfTables tables) {
    List<Published> published = new ArrayList<>();
    for (String name : tables.tables()) {
      if (name.startsWith(PREFIX)) {
        for (String map : new String[] {PORTS, ADDRESS_PORTS}) {
          for (NfTables.Element element : tables.elements(name, map)) {
            Optional<PortMapping> mapping = mapping(element);
            if (mapping.isPresent()) {
              published.add(new Published(mapping.get(), element.comment()));
            }
          }
        }
      }
    }
    return published;
  }

  private static PortMapping claim(PortMapping mapping, List<Published> taken) {
    for (Published other : taken) {
      if (other.mapping.conflicts(mapping)) {
        throw inUse(mapping, "sandbox " + other.sandboxId);
      }
    }
    try {
      probe(mapping);
      return mapping;
    } catch (LinuxException e) {
      if (e.errno() == Errno.EADDRINUSE) {
        throw inUse(mapping, PortHolder.find(mapping));
      }
      throw e;
    }
  }

  private static CasemateException inUse(PortMapping mapping, String holder) {
    return CasemateException.of(
        CasemateException.Kind.ALREADY_EXISTS,
        "host port "
            + mapping.hostPort()
            + "/"
            + mapping.protocol()
            + (mapping.hostAddress().isPresent() ? " on " + mapping.hostAddress().get() : "")
            + " is in use by "
            + holder
            + "; publish another port or stop that one");
  }

  private static PortMapping choose(PortMapping mapping, List<Published> taken) {
    for (int i = 0; i < ATTEMPTS; i++) {
      PortMapping candidate = mapping.onHostPort(probe(mapping));
      boolean free = true;
      for (Published other : taken) {
        free &= !other.mapping.conflicts(candidate);
      }
      if (free) {
        return candidate;
      }
    }
    throw CasemateException.of(
        CasemateException.Kind.RESOURCE_EXHAUSTED,
        "no free host port was found for "
            + mapping.containerPort()
            + "/"
            + mapping.protocol()
            + "; name one");
  }

  private static int probe(PortMapping mapping) {
    try {
      return InetPort.probe(
          mapping.protocol().number(),
          mapping.hostAddress().orElse(IpAddress.ofV4(0)),
          mapping.hostPort());
    } catch (LinuxException e) {
      if (e.errno() == Errno.EADDRNOTAVAIL) {
        throw CasemateException.of(
            CasemateException.Kind.INVALID_ARGUMENT,
            "ports cannot be published on "
                + mapping.hostAddress().orElse(IpAddress.ofV4(0))
                + ": it is not an address of this machine",
            e);
      }
      throw e;
    }
  }

  /** Unpublishes whatever a sandbox has published. */
  void unpublish(NfTables tables, String sandboxId) {
    NfTables.Batch batch = new NfTables.Batch(table);
    List<PortMapping> mappings = new ArrayList<>();
    Optional<IpAddress> address = Optional.empty();
    for (String map : new String[] {PORTS, ADDRESS_PORTS}) {
      for (NfTables.Element element : tables.elements(table, map)) {
        if (element.comment().equals(sandboxId)) {
          batch.deleteElement(map, element);
          mapping(element).ifPresent(mappings::add);
          address = target(element);
        }
      }
    }
    tables.apply(batch, "unpublish ports of sandbox " + sandboxId);
    if (address.isPresent()) {
      forget(mappings, address.get());
    }
  }

  /**
   * UDP has no connections that end: a flow that has been seen would go on bypassing a new mapping,
   * or using an old one, for as long as it is busy.
   */
  private static void forget(List<PortMapping> mappings, IpAddress address) {
    List<Integer> ports = new ArrayList<>();
    for (PortMapping mapping : mappings) {
      if (mapping.protocol() == Protocol.UDP) {
        ports.add(mapping.hostPort());
      }
    }
    if (!ports.isEmpty()) {
      try (Conntrack connections = Conntrack.open()) {
        connections.forget(Protocol.UDP.number(), ports, address);
      }
    }
  }

  private static String map(PortMapping mapping) {
    return mapping.hostAddress().isPresent() ? ADDRESS_PORTS : PORTS;
  }

  /** Each field of a key or a value takes 32 bits, from the left. */
  private static NfTables.Element element(
      PortMapping mapping, IpAddress address, String sandboxId) {
    int at = mapping.hostAddress().isPresent() ? 4 : 0;
    byte[] key = new byte[at + 8];
    if (mapping.hostAddress().isPresent()) {
      System.arraycopy(mapping.hostAddress().get().bytes(), 0, key, 0, 4);
    }
    key[at] = (byte) mapping.protocol().number();
    key[at + 4] = (byte) (mapping.hostPort() >> 8);
    key[at + 5] = (byte) mapping.hostPort();
    byte[] value = new byte[8];
    System.arraycopy(address.bytes(), 0, value, 0, 4);
    value[4] = (byte) (mapping.containerPort() >> 8);
    value[5] = (byte) mapping.containerPort();
    return new NfTables.Element(key, value, sandboxId);
  }

  private static Optional<IpAddress> target(NfTables.Element element) {
    return element.value().length < 4
        ? Optional.empty()
        : Optional.of(IpAddress.of(java.util.Arrays.copyOf(element.value(), 4)));
  }

  private static Optional<PortMapping> mapping(NfTables.Element element) {
    byte[] key = element.key();
    byte[] value = element.value();
    if ((key.length != 8 && key.length != 12) || value.length != 8) {
      return Optional.empty();
    }
    int at = key.length - 8;
    int port = port(value, 4);
    if (port == 0) {
      return Optional.empty();
    }
    return Optional.of(
        new PortMapping(
            at == 0 ? Optional.empty() : Optional.of(IpAddress.of(java.util.Arrays.copyOf(key, 4))),
            port(key, at + 4),
            port,
            key[at] == Protocol.UDP.number() ? Protocol.UDP : Protocol.TCP));
  }

  private static int port(byte[] bytes, int at) {
    return (bytes[at] & 0xff) << 8 | (bytes[at + 1] & 0xff);
  }
}
