package dev.casemate.network;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.IpAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A port of the host that leads to a port of the sandbox.
 *
 * @param hostAddress the host's address that it is published on; empty for all
 * @param hostPort 1 to 65535, or 0 for one that is free
 * @param containerPort 1 to 65535
 */
public record PortMapping(
    Optional<IpAddress> hostAddress, int hostPort, int containerPort, Protocol protocol) {
  private static final int PORT_LIMIT = 65535;

  /** Refuses port numbers that there are not, and IPv6 addresses. */
  public PortMapping {
    if (hostPort < 0 || hostPort > PORT_LIMIT || containerPort < 1 || containerPort > PORT_LIMIT) {
      throw CasemateException.of(
          CasemateException.Kind.INVALID_ARGUMENT,
          "port mapping "
              + hostPort
              + ":"
              + containerPort
              + " has a port outside 1..65535; correct it");
    }
    if (hostAddress.isPresent() && hostAddress.get().isV6()) {
      throw CasemateException.of(
          CasemateException.Kind.INVALID_ARGUMENT,
          "port mapping on "
              + hostAddress.get()
              + ": the bridge network is IPv4 only; give an IPv4 address of the host");
    }
  }

  /**
   * Reads {@code [HOSTIP:][HOSTPORT:]CONTAINERPORT[/tcp|/udp]}, as for {@code docker run -p}. Ports
   * may be ranges of equal length ({@code 8000-8010:80-90}); for an empty or absent host port, one
   * is chosen.
   */
  public static List<PortMapping> parse(String text) {
    String rest = text;
    Protocol protocol = Protocol.TCP;
    int slash = rest.indexOf('/');
    if (slash >= 0) {
      String name = rest.substring(slash + 1);
      if (name.equals("udp")) {
        protocol = Protocol.UDP;
      } else if (!name.equals("tcp")) {
        throw wrong(text, "protocol \"" + name + "\" is neither tcp nor udp");
      }
      rest = rest.substring(0, slash);
    }
    int last = rest.lastIndexOf(':');
    int[] container = range(text, rest.substring(last + 1));
    if (container.length == 0) {
      throw wrong(text, "the container's port is missing");
    }
    Optional<IpAddress> address = Optional.empty();
    int[] host = new int[0];
    if (last >= 0) {
      String left = rest.substring(0, last);
      int colon = left.lastIndexOf(':');
      host = range(text, left.substring(colon + 1));
      if (colon >= 0) {
        address = address(text, left.substring(0, colon));
      }
    }
    int count = container[1] - container[0] + 1;
    if (host.length > 0 && host[1] - host[0] + 1 != count) {
      throw wrong(text, "the two ranges have different lengths");
    }
    List<PortMapping> mappings = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      mappings.add(
          new PortMapping(address, host.length == 0 ? 0 : host[0] + i, container[0] + i, protocol));
    }
    return mappings;
  }

  private static Optional<IpAddress> address(String text, String address) {
    try {
      IpAddress parsed = IpAddress.parse(address);
      return parsed.isAny() ? Optional.empty() : Optional.of(parsed);
    } catch (IllegalArgumentException e) {
      throw wrong(text, "\"" + address + "\" is not an IPv4 address");
    }
  }

  /** First and last port; nothing for an empty text. */
  private static int[] range(String text, String range) {
    if (range.isEmpty()) {
      return new int[0];
    }
    int dash = range.indexOf('-');
    int first = port(text, dash < 0 ? range : range.substring(0, dash));
    int last = dash < 0 ? first : port(text, range.substring(dash + 1));
    if (last < first) {
      throw wrong(text, "the range " + range + " ends before it starts");
    }
    return new int[] {first, last};
  }

  private static int port(String text, String digits) {
    int value = 0;
    for (int i = 0; i < digits.length(); i++) {
      char c = digits.charAt(i);
      value = c < '0' || c > '9' || value > PORT_LIMIT ? PORT_LIMIT + 1 : value * 10 + (c - '0');
    }
    if (digits.isEmpty() || value < 1 || value > PORT_LIMIT) {
      throw wrong(text, "\"" + digits + "\" is not a port, 1..65535");
    }
    return value;
  }

  private static CasemateException wrong(String text, String why) {
    return CasemateException.of(
        CasemateException.Kind.INVALID_ARGUMENT,
        "port mapping \""
            + text
            + "\": "
            + why
            + "; write [HOSTIP:][HOSTPORT:]CONTAINERPORT[/tcp|/udp]");
  }

  /** This mapping with a host port that has been chosen. */
  PortMapping onHostPort(int port) {
    return new PortMapping(hostAddress, port, containerPort, protocol);
  }

  /** Whether both cannot be published at the same time. */
  boolean conflicts(PortMapping other) {
    return hostPort != 0
        && hostPort == other.hostPort
        && protocol == other.protocol
        && (hostAddress.isEmpty()
            || other.hostAddress.isEmpty()
            || hostAddress.equals(other.hostAddress));
  }

  /** {@code 0.0.0.0:8080->80/tcp}, as {@code docker ps} shows it. */
  @Override
  public String toString() {
    return (hostAddress.isPresent() ? hostAddress.get().toString() : "0.0.0.0")
        + ":"
        + hostPort
        + "->"
        + containerPort
        + "/"
        + protocol;
  }
}
