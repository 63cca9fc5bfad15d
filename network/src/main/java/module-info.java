/** The host side of a sandbox's network: bridge, TAP, addresses, NAT, published ports. */
@org.jspecify.annotations.NullMarked
module dev.casemate.network {
  requires static org.jspecify;
  requires transitive dev.casemate.base;
  requires transitive dev.casemate.netlink;

  exports dev.casemate.network;
}
