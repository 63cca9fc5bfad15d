package dev.casemate.network;

import java.util.List;

/** What the user wants in the guest's {@code resolv.conf}; an empty list means as the host has. */
public record DnsConfig(List<String> nameservers, List<String> search, List<String> options) {
  /** All as the host has it. */
  public static final DnsConfig HOST = new DnsConfig(List.of(), List.of(), List.of());
}
