package dev.casemate.network;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;

/** {@code resolv.conf} of the host, and ports that a user wants published. */
@Fuzzes({Dns.class, PortMapping.class, NetworkModel.class})
public final class NetworkTextsFuzz {
  private NetworkTextsFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    String text = Input.text(data);
    Dns dns = Dns.parse(text);
    Expect.same(dns, Dns.parse(dns.resolvConf()));
    Expect.parsed(() -> NetworkModel.parse(text));
    Expect.parsed(() -> PortMapping.parse(text))
        .ifPresent(
            mappings -> {
              Expect.that(mappings.size() <= 65536, "mappings ", mappings.size());
              for (PortMapping mapping : mappings) {
                Expect.that(
                    mapping.hostPort() >= 0
                        && mapping.hostPort() <= 65535
                        && mapping.containerPort() >= 1
                        && mapping.containerPort() <= 65535,
                    "ports ",
                    mapping);
              }
            });
  }
}
