/** The host side of a sandbox's network: bridge, TAP, addresses, NAT, published ports. */
package dev.casemate.network;
