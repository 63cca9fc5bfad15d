/** Netlink: interfaces, addresses, routes, traffic control, nftables and connection tracking. */
@NullMarked
package dev.casemate.netlink;

import org.jspecify.annotations.NullMarked;
