package dev.casemate.network;

import dev.casemate.linux.Fd;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.Poll;
import dev.casemate.netlink.MacAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A guest's IP stack, as small as can be: it opens the TAP as a VMM does, answers ARP, ping, TCP's
 * SYN (by SYN+ACK) and UDP (by an echo), and sends what a test wants.
 */
final class TestGuest implements AutoCloseable {
  private static final int VNET_HEADER = 10;
  private static final int ARP = 0x806;
  private static final int IPV4 = 0x800;
  private static final int IPV6 = 0x86dd;

  private final Fd tap;
  private final MacAddress mac;
  private final IpAddress address;
  private final Thread thread;
  private final BlockingQueue<Udp> received = new LinkedBlockingQueue<>();
  private final BlockingQueue<MacAddress> resolved = new LinkedBlockingQueue<>();
  private volatile boolean closed;

  /** A UDP datagram that came. */
  record Udp(IpAddress source, int sourcePort, int port, byte[] data) {}

  TestGuest(SandboxNetwork network) {
    Endpoint endpoint = network.endpoints().get(0);
    this.mac = endpoint.mac();
    this.address = endpoint.addresses().get(0).address();
    this.tap = Takeover.openTap(network.netnsPath(), endpoint);
    tap.nonBlocking(true);
    this.thread = new Thread(this::loop, "guest");
    thread.start();
  }

  IpAddress address() {
    return address;
  }

  private void loop() {
    byte[] buffer = new byte[70_000];
    while (!closed) {
      if (Poll.await(tap, Poll.IN, 50) == 0) {
        continue;
      }
      int n = tap.read(buffer, 0, buffer.length);
      if (n > VNET_HEADER + 14) {
        handle(ByteBuffer.wrap(Arrays.copyOfRange(buffer, VNET_HEADER, n)));
      }
    }
  }

  private void handle(ByteBuffer frame) {
    int type = frame.getShort(12) & 0xffff;
    byte[] sender = new byte[6];
    frame.get(6, sender);
    if (type == ARP) {
      IpAddress target = ip(frame, 38);
      if (frame.getShort(20) == 1 && target.equals(address)) {
        arp(2, MacAddress.of(sender), ip(frame, 28));
      } else if (frame.getShort(20) == 2) {
        resolved.add(MacAddress.of(sender));
      }
      return;
    }
    if (type != IPV4 || !ip(frame, 30).equals(address)) {
      return;
    }
    IpAddress source = ip(frame, 26);
    byte[] payload = new byte[(frame.getShort(16) & 0xffff) - 20];
    frame.get(34, payload);
    switch (frame.get(23)) {
      case 1 -> {
        if (payload[0] == 8) {
          payload[0] = 0;
          payload[2] = 0;
          payload[3] = 0;
          put16(payload, 2, checksum(payload, 0));
          send(MacAddress.of(sender), address, source, 1, payload);
        }
      }
      case 17 -> {
        int sourcePort = get16(payload, 0);
        int port = get16(payload, 2);
        byte[] data = Arrays.copyOfRange(payload, 8, payload.length);
        received.add(new Udp(source, sourcePort, port, data));
        if (port < 30000) {
          send(MacAddress.of(sender), address, source, 17, udp(port, sourcePort, data));
        }
      }
      case 6 -> {
        if ((payload[13] & 0x12) == 2) {
          byte[] answer = new byte[20];
          put16(answer, 0, get16(payload, 2));
          put16(answer, 2, get16(payload, 0));
          ByteBuffer.wrap(answer)
              .putInt(4, 12345)
              .putInt(8, ByteBuffer.wrap(payload).getInt(4) + 1);
          answer[12] = 0x50;
          answer[13] = 0x12;
          put16(answer, 14, 1000);
          int pseudo = 6 + answer.length;
          for (IpAddress a : new IpAddress[] {address, source}) {
            pseudo += get16(a.bytes(), 0) + get16(a.bytes(), 2);
          }
          put16(answer, 16, checksum(answer, pseudo));
          send(MacAddress.of(sender), address, source, 6, answer);
        }
      }
      default -> {}
    }
  }

  private static IpAddress ip(ByteBuffer frame, int at) {
    return IpAddress.ofV4(frame.getInt(at));
  }

  private static int get16(byte[] bytes, int at) {
    return (bytes[at] & 0xff) << 8 | (bytes[at + 1] & 0xff);
  }

  private static void put16(byte[] bytes, int at, int value) {
    bytes[at] = (byte) (value >> 8);
    bytes[at + 1] = (byte) value;
  }

  private static int checksum(byte[] bytes, int sum) {
    for (int i = 0; i < bytes.length; i += 2) {
      sum += (bytes[i] & 0xff) << 8 | (i + 1 < bytes.length ? bytes[i + 1] & 0xff : 0);
    }
    while (sum >> 16 != 0) {
      sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum & 0xffff;
  }

  private static byte[] udp(int sourcePort, int port, byte[] data) {
    byte[] packet = new byte[8 + data.length];
    put16(packet, 0, sourcePort);
    put16(packet, 2, port);
    put16(packet, 4, packet.length);
    System.arraycopy(data, 0, packet, 8, data.length);
    return packet;
  }

  private void arp(int operation, MacAddress to, IpAddress target) {
    ByteBuffer frame = ByteBuffer.allocate(VNET_HEADER + 42).position(VNET_HEADER);
    frame.put(operation == 1 ? new byte[] {-1, -1, -1, -1, -1, -1} : to.bytes());
    frame.put(mac.bytes()).putShort((short) ARP);
    frame.putShort((short) 1).putShort((short) IPV4).put((byte) 6).put((byte) 4);
    frame.putShort((short) operation).put(mac.bytes()).put(address.bytes());
    frame.put(to.bytes()).put(target.bytes());
    tap.writeAll(frame.array());
  }

  private void send(
      MacAddress to, IpAddress source, IpAddress target, int protocol, byte[] payload) {
    byte[] header = new byte[20];
    header[0] = 0x45;
    put16(header, 2, 20 + payload.length);
    header[8] = 64;
    header[9] = (byte) protocol;
    System.arraycopy(source.bytes(), 0, header, 12, 4);
    System.arraycopy(target.bytes(), 0, header, 16, 4);
    put16(header, 10, checksum(header, 0));
    ByteBuffer frame = ByteBuffer.allocate(VNET_HEADER + 34 + payload.length).position(VNET_HEADER);
    frame.put(to.bytes()).put(mac.bytes()).putShort((short) IPV4).put(header).put(payload);
    tap.writeAll(frame.array());
  }

  /** The MAC address of a neighbour, by ARP. */
  MacAddress resolve(IpAddress target) throws InterruptedException {
    resolved.clear();
    for (int i = 0; i < 20; i++) {
      arp(1, MacAddress.of(new byte[6]), target);
      MacAddress found = resolved.poll(200, TimeUnit.MILLISECONDS);
      if (found != null) {
        return found;
      }
    }
    throw new AssertionError("no answer to ARP for " + target);
  }

  /** Sends a datagram by way of a neighbour; ports from 30000 on are not echoed when it answers. */
  void sendUdp(MacAddress by, IpAddress source, int sourcePort, IpAddress target, int port) {
    send(by, source, target, 17, udp(sourcePort, port, new byte[] {'h', 'i'}));
  }

  /**
   * Says to all hosts that it is the router to everywhere, and that addresses of a prefix may be
   * made up: 2001:db8:5::/64 (RFC 4861, section 4.2).
   */
  void advertiseRouter() {
    ByteBuffer message = ByteBuffer.allocate(16 + 8 + 32);
    message.put((byte) 134).put((byte) 0).putShort((short) 0);
    message.put((byte) 64).put((byte) 0).putShort((short) 1800).putInt(0).putInt(0);
    message.put((byte) 1).put((byte) 1).put(mac.bytes());
    message.put((byte) 3).put((byte) 4).put((byte) 64).put((byte) 0xc0);
    message.putInt(86_400).putInt(14_400).putInt(0);
    message.putInt(0x20010db8).putInt(0x00050000).putLong(0);
    byte[] source = ByteBuffer.allocate(16).putLong(0xfe80L << 48).putLong(0x1234).array();
    byte[] all = ByteBuffer.allocate(16).putLong(0xff02L << 48).putLong(1).array();
    int pseudo = message.capacity() + 58;
    for (int i = 0; i < 16; i += 2) {
      pseudo += get16(source, i) + get16(all, i);
    }
    put16(message.array(), 2, checksum(message.array(), pseudo));
    ByteBuffer frame =
        ByteBuffer.allocate(VNET_HEADER + 54 + message.capacity()).position(VNET_HEADER);
    frame.put(new byte[] {0x33, 0x33, 0, 0, 0, 1}).put(mac.bytes()).putShort((short) IPV6);
    frame.putInt(6 << 28).putShort((short) message.capacity()).put((byte) 58).put((byte) 255);
    frame.put(source).put(all).put(message.array());
    tap.writeAll(frame.array());
  }

  Optional<Udp> receive(int timeoutMillis) throws InterruptedException {
    return Optional.ofNullable(received.poll(timeoutMillis, TimeUnit.MILLISECONDS));
  }

  @Override
  public void close() {
    closed = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    tap.close();
  }
}
