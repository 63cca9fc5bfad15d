/** Netlink: interfaces, addresses, routes, traffic control, nftables and connection tracking. */
@org.jspecify.annotations.NullMarked
module dev.casemate.netlink {
  requires static org.jspecify;
  requires transitive dev.casemate.linux;

  exports dev.casemate.netlink;
}
