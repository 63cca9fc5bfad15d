package dev.casemate.netlink;

import dev.casemate.linux.IpAddress;
import java.util.List;

/**
 * An interface's address.
 *
 * @param linkIndex the interface
 * @param scope 0 for global, 253 link, 254 host ({@code rt_scope_t})
 * @param flags {@code IFA_F_} bits, 0x40 tentative among them
 */
public record NetworkAddress(int linkIndex, IpNetwork network, int scope, int flags) {
  static final int FIXED = 8;
  static final int ADDRESS = 1;
  static final int LOCAL = 2;
  static final int BROADCAST = 4;
  static final int FLAGS = 8;

  static NetworkAddress of(NetlinkReader message) {
    List<NetlinkReader> attributes = message.attributes(FIXED);
    IpAddress address =
        NetlinkReader.address(attributes, LOCAL)
            .or(() -> NetlinkReader.address(attributes, ADDRESS))
            .orElseThrow(() -> NetlinkReader.malformed("address message without an address"));
    int prefix = message.u8(1);
    if (prefix > address.bits()) {
      throw NetlinkReader.malformed("prefix of " + prefix + " bits");
    }
    return new NetworkAddress(
        message.i32(4),
        new IpNetwork(address, prefix),
        message.u8(3),
        NetlinkReader.i32(attributes, FLAGS, message.u8(2)));
  }

  /** Whether it is valid beyond its own link. */
  public boolean isGlobal() {
    return scope == 0;
  }
}
