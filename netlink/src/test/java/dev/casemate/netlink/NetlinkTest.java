package dev.casemate.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.Errno;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class NetlinkTest {
  @Test
  void writesWhatItReads() {
    NetlinkMessage message = new NetlinkMessage(77, NetlinkMessage.CREATE).put32(5);
    int nest = message.beginNested(9);
    message.attribute8(1, 0xfe).attribute16(2, 0xfedc).attribute(3, "eth0").end(nest);
    message.attributeBig32(4, 0x01020304).attributeBig64(5, 0x0102030405060708L);
    message.attribute(6, new byte[] {1, 2, 3, 4, 5});

    List<Netlink.Received> received = Netlink.split(message.finish(42, NetlinkMessage.ACK));

    assertThat(received).hasSize(1);
    Netlink.Received first = received.get(0);
    assertThat(first.type()).isEqualTo(77);
    assertThat(first.sequence()).isEqualTo(42);
    assertThat(first.flags())
        .isEqualTo(NetlinkMessage.REQUEST | NetlinkMessage.ACK | NetlinkMessage.CREATE);
    assertThat(first.payload().i32(0)).isEqualTo(5);
    List<NetlinkReader> attributes = first.payload().attributes(4);
    assertThat(attributes).hasSize(4);
    List<NetlinkReader> nested = NetlinkReader.find(attributes, 9).orElseThrow().attributes(0);
    assertThat(NetlinkReader.find(nested, 1).orElseThrow().u8(0)).isEqualTo(0xfe);
    assertThat(NetlinkReader.find(nested, 2).orElseThrow().u16(0)).isEqualTo(0xfedc);
    assertThat(NetlinkReader.string(nested, 3)).isEqualTo("eth0");
    assertThat(NetlinkReader.find(attributes, 4).orElseThrow().bytes()).containsExactly(1, 2, 3, 4);
    assertThat(NetlinkReader.find(attributes, 5).orElseThrow().big64(0))
        .isEqualTo(0x0102030405060708L);
    assertThat(NetlinkReader.find(attributes, 6).orElseThrow().size()).isEqualTo(5);
  }

  private static NetworkLink link(String kind, int mode) {
    NetlinkMessage message =
        new NetlinkMessage(16, 0).put32(0).put32(3).put32(NetworkLink.NO_ARP | 1).put32(0);
    message.attribute(NetworkLink.NAME, "eth0");
    int info = message.beginNested(NetworkLink.INFO);
    message.attribute(NetworkLink.INFO_KIND, kind);
    int data = message.beginNested(NetworkLink.INFO_DATA);
    message.attribute16(NetworkLink.IPVLAN_MODE, mode).end(data).end(info);
    return NetworkLink.of(Netlink.split(message.finish(1, 0)).getFirst().payload());
  }

  @Test
  void modesOfAnIpvlan() {
    NetworkLink l3 = link("ipvlan", 1);
    assertThat(l3.name()).isEqualTo("eth0");
    assertThat(l3.index()).isEqualTo(3);
    assertThat(l3.kind()).isEqualTo("ipvlan");
    assertThat(l3.isUp()).isTrue();
    assertThat(l3.isNoArp()).isTrue();
    assertThat(l3.ipvlanL3s()).isFalse();
    assertThat(link("ipvlan", 0).ipvlanL3s()).isFalse();
    assertThat(link("ipvlan", 2).ipvlanL3s()).isTrue();
    // Another kind's attributes mean something else.
    assertThat(link("macvlan", 2).ipvlanL3s()).isFalse();
  }

  @Test
  void refusesLengthsThatDoNotFit() {
    byte[] datagram = new NetlinkMessage(1, 0).attribute(1, "x").finish(1, 0);
    for (int length : new int[] {0, 15, datagram.length + 1, -1, Integer.MIN_VALUE}) {
      byte[] wrong = datagram.clone();
      for (int i = 0; i < 4; i++) {
        wrong[i] = (byte) (length >> 8 * i);
      }
      assertThatThrownBy(() -> Netlink.split(wrong))
          .isInstanceOf(LinuxException.class)
          .hasMessageContaining("EBADMSG");
    }
    for (int length : new int[] {0, 3, 9, 0xffff}) {
      byte[] wrong = datagram.clone();
      wrong[16] = (byte) length;
      wrong[17] = (byte) (length >> 8);
      NetlinkReader payload = Netlink.split(wrong).get(0).payload();
      assertThatThrownBy(() -> payload.attributes(0))
          .isInstanceOf(LinuxException.class)
          .hasMessageContaining("EBADMSG");
    }
    NetlinkReader payload = Netlink.split(datagram).get(0).payload();
    for (int offset : new int[] {-1, 5, 8, Integer.MAX_VALUE}) {
      assertThatThrownBy(() -> payload.i32(offset)).isInstanceOf(LinuxException.class);
    }
    assertThatThrownBy(() -> payload.attributes(9)).isInstanceOf(LinuxException.class);
  }

  @Test
  void garbageNeverEscapesItsMessage() {
    Random random = new Random(7);
    int parsed = 0;
    for (int i = 0; i < 50_000; i++) {
      byte[] datagram = new byte[16 + random.nextInt(120)];
      random.nextBytes(datagram);
      if (random.nextInt(4) > 0) {
        datagram[0] = (byte) datagram.length;
        datagram[1] = 0;
        datagram[2] = 0;
        datagram[3] = 0;
      }
      for (int k = 17; k < datagram.length; k += 2) {
        if (random.nextBoolean()) {
          datagram[k] = 0;
        }
      }
      try {
        for (Netlink.Received received : Netlink.split(datagram)) {
          NetlinkReader payload = received.payload();
          parsed++;
          for (int which = 0; which < 4; which++) {
            try {
              switch (which) {
                case 0 -> NetworkLink.of(payload);
                case 1 -> NetworkAddress.of(payload);
                case 2 -> NetworkRoute.of(payload);
                default -> NetworkNeighbour.of(payload);
              }
            } catch (LinuxException e) {
              assertThat(e.errno()).isEqualTo(Errno.EBADMSG);
            }
          }
        }
      } catch (LinuxException e) {
        assertThat(e.errno()).isEqualTo(Errno.EBADMSG);
      }
    }
    assertThat(parsed).isGreaterThan(10_000);
  }

  @Tag("root")
  @Test
  void carriesTheKernelsErrorText() {
    try (RouteNetlink route = RouteNetlink.open()) {
      assertThatThrownBy(() -> route.setUp(999_999))
          .isInstanceOfSatisfying(
              LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENODEV));
      assertThatThrownBy(
              () ->
                  route.replaceRoute(
                      NetworkRoute.via(
                          IpNetwork.parse("198.51.100.0/24"), IpAddress.parse("203.0.113.77"), 1)))
          .isInstanceOf(LinuxException.class)
          .hasMessageContaining("Nexthop has invalid gateway");
      // The socket is still in step after errors.
      assertThat(route.link("lo")).isPresent();
    }
  }
}
