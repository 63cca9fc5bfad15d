package dev.casemate.netlink;

import dev.casemate.linux.Errno;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import java.util.List;
import java.util.Optional;

/** The connections that the packet filter knows ({@code linux/netfilter/nfnetlink_conntrack.h}). */
public final class Conntrack implements AutoCloseable {
  private static final int SUBSYSTEM = 1;
  private static final int NEW = 0;
  private static final int GET = 1;
  private static final int DELETE = 2;
  private static final int FIXED = 4;
  private static final int ORIGINAL = 1;
  private static final int REPLY = 2;
  private static final int ID = 12;
  private static final int NESTED = 0x8000;

  private final Netlink netlink;

  private Conntrack(Netlink netlink) {
    this.netlink = netlink;
  }

  /** Opens a socket in the calling thread's network namespace. */
  public static Conntrack open() {
    return new Conntrack(Netlink.open(Netlink.NETFILTER));
  }

  private static NetlinkMessage message(int type) {
    return new NetlinkMessage(SUBSYSTEM << 8 | type, 0).put8(NfTables.IPV4).put8(0).put16(0);
  }

  /**
   * Forgets the IPv4 connections of a transport protocol that go to a port or come from an address:
   * a new rule must also apply to packets of old connections.
   *
   * @param protocol 6 TCP, 17 UDP
   * @param ports destination ports of first packets
   * @param address who answers; only connections that it answers if there are no ports
   * @return how many were forgotten
   */
  public int forget(int protocol, List<Integer> ports, IpAddress address) {
    int count = 0;
    for (NetlinkReader entry : netlink.dump(message(GET), "list connections")) {
      if (entry.type() != (SUBSYSTEM << 8 | NEW)) {
        continue;
      }
      List<NetlinkReader> attributes = entry.attributes(FIXED);
      Optional<NetlinkReader> original = NetlinkReader.find(attributes, ORIGINAL);
      Optional<NetlinkReader> id = NetlinkReader.find(attributes, ID);
      if (original.isEmpty() || id.isEmpty() || protocol(original.get()) != protocol) {
        continue;
      }
      Optional<NetlinkReader> reply = NetlinkReader.find(attributes, REPLY);
      if (ports.contains(port(original.get()))
          || (reply.isPresent() && source(reply.get()).equals(Optional.of(address)))) {
        NetlinkMessage request =
            message(DELETE)
                .attribute(ORIGINAL | NESTED, original.get().bytes())
                .attribute(ID, id.get().bytes());
        try {
          netlink.request(request, "forget a connection");
          count++;
        } catch (LinuxException e) {
          // It has ended meanwhile.
          if (e.errno() != Errno.ENOENT) {
            throw e;
          }
        }
      }
    }
    return count;
  }

  private static Optional<NetlinkReader> inner(NetlinkReader tuple, int part, int field) {
    Optional<NetlinkReader> found = NetlinkReader.find(tuple.attributes(0), part);
    return found.isEmpty() ? found : NetlinkReader.find(found.get().attributes(0), field);
  }

  private static Optional<IpAddress> source(NetlinkReader tuple) {
    Optional<NetlinkReader> address = inner(tuple, 1, 1);
    return address.isPresent() && address.get().size() == 4
        ? Optional.of(IpAddress.of(address.get().bytes()))
        : Optional.empty();
  }

  private static int protocol(NetlinkReader tuple) {
    Optional<NetlinkReader> number = inner(tuple, 2, 1);
    return number.isPresent() ? number.get().u8(0) : -1;
  }

  private static int port(NetlinkReader tuple) {
    Optional<NetlinkReader> port = inner(tuple, 2, 3);
    return port.isPresent() ? port.get().u8(0) << 8 | port.get().u8(1) : -1;
  }

  @Override
  public void close() {
    netlink.close();
  }
}
