package dev.casemate.network;

import java.util.List;

/**
 * The requested content of the guest's {@code resolv.conf}; an empty list means the host's values.
 */
public record DnsConfig(List<String> nameservers, List<String> search, List<String> options) {
  /** All values are the host's. */
  public static final DnsConfig HOST = new DnsConfig(List.of(), List.of(), List.of());
}
