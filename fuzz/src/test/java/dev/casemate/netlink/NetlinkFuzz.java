package dev.casemate.netlink;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.linux.LinuxException;

/** Datagrams of netlink and what is made of them: links, addresses, routes, neighbours. */
@Fuzzes({
  Netlink.class,
  NetlinkReader.class,
  NetworkLink.class,
  NetworkAddress.class,
  NetworkRoute.class,
  NetworkNeighbour.class
})
public final class NetlinkFuzz {
  private NetlinkFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Expect.parsed(() -> Netlink.split(data), LinuxException.class)
        .ifPresent(
            messages -> {
              for (Netlink.Received message : messages) {
                read(message.payload());
              }
            });
    read(new NetlinkReader(16, data, 0, data.length));
  }

  private static void read(NetlinkReader payload) {
    Expect.parsed(() -> NetworkLink.of(payload), LinuxException.class);
    Expect.parsed(() -> NetworkAddress.of(payload), LinuxException.class);
    Expect.parsed(() -> NetworkRoute.of(payload), LinuxException.class);
    Expect.parsed(() -> NetworkNeighbour.of(payload), LinuxException.class);
  }
}
