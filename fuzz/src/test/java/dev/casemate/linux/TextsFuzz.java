package dev.casemate.linux;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.MacAddress;

/** Addresses in text, and {@code mountinfo}, which holds names that containers choose. */
@Fuzzes({IpAddress.class, IpNetwork.class, MacAddress.class, Mounts.class, Text.class})
public final class TextsFuzz {
  private TextsFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    String text = Input.text(data);
    Expect.parsed(() -> IpAddress.parse(text), IllegalArgumentException.class)
        .ifPresent(address -> Expect.same(address, IpAddress.parse(address.toString())));
    Expect.parsed(() -> IpNetwork.parse(text), IllegalArgumentException.class)
        .ifPresent(
            network -> {
              Expect.same(network, IpNetwork.parse(network.toString()));
              Expect.that(network.contains(network.address()), "not in itself: ", network);
              Expect.that(network.contains(network.last()), "last not in it: ", network);
            });
    Expect.parsed(() -> MacAddress.parse(text), IllegalArgumentException.class)
        .ifPresent(mac -> Expect.same(mac, MacAddress.parse(mac.toString())));
    if (data.length == 4 || data.length == 16) {
      IpAddress address = IpAddress.of(data);
      Expect.same(address, IpAddress.parse(address.toString()));
    }
    Expect.parsed(() -> Mounts.parse(text));
    Expect.that(Text.split(text, ':').size() <= text.length() + 1, "pieces");
  }
}
