package dev.casemate.netlink;

import dev.casemate.linux.IpAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * One nf_tables rule that is being written: expressions that load registers, compare them and act
 * ({@code linux/netfilter/nf_tables.h}). Registers are numbered from 0 and hold 32 bits; longer
 * values occupy consecutive registers.
 */
public final class NfRule {
  /** {@code fib daddr type}'s value for the machine's own addresses. */
  public static final int TYPE_LOCAL = 2;

  /** {@code ct state}: a bit set of established and related. */
  public static final int STATE_ESTABLISHED_RELATED = 2 | 4;

  /** {@code ct status}: the connection's destination has been rewritten. */
  public static final int STATUS_DESTINATION_NAT = 0x20;

  private static final int FIRST_REGISTER = 8;
  private static final int INTERFACE_NAME = 16;
  private static final int EXPRESSIONS = 4;
  private static final int META_INPUT_NAME = 6;
  private static final int META_OUTPUT_NAME = 7;
  private static final int META_L4PROTO = 16;
  private static final int NETWORK_HEADER = 1;
  private static final int TRANSPORT_HEADER = 2;
  private static final int IP_SOURCE = 12;
  private static final int IP_DESTINATION = 16;
  private static final int CT_STATE = 0;
  private static final int CT_STATUS = 2;

  private final NetlinkMessage message;
  private final int expressions;

  NfRule(NetlinkMessage message) {
    this.message = message;
    this.expressions = message.beginNested(EXPRESSIONS);
  }

  NetlinkMessage finish() {
    return message.end(expressions);
  }

  private int[] begin(String name) {
    int element = message.beginNested(1);
    message.attribute(1, name);
    return new int[] {element, message.beginNested(2)};
  }

  private NfRule end(int[] nests) {
    message.end(nests[1]).end(nests[0]);
    return this;
  }

  private void value(int type, byte[] bytes) {
    int data = message.beginNested(type);
    message.attribute(1, bytes).end(data);
  }

  private NfRule meta(int key, int register) {
    int[] nests = begin("meta");
    message.attributeBig32(1, FIRST_REGISTER + register).attributeBig32(2, key);
    return end(nests);
  }

  private NfRule payload(int base, int offset, int length, int register) {
    int[] nests = begin("payload");
    message
        .attributeBig32(1, FIRST_REGISTER + register)
        .attributeBig32(2, base)
        .attributeBig32(3, offset)
        .attributeBig32(4, length);
    return end(nests);
  }

  private NfRule compare(int register, boolean equal, byte[] bytes) {
    int[] nests = begin("cmp");
    message.attributeBig32(1, FIRST_REGISTER + register).attributeBig32(2, equal ? 0 : 1);
    value(3, bytes);
    return end(nests);
  }

  private NfRule mask(int register, byte[] mask) {
    int[] nests = begin("bitwise");
    message
        .attributeBig32(1, FIRST_REGISTER + register)
        .attributeBig32(2, FIRST_REGISTER + register)
        .attributeBig32(3, mask.length);
    value(4, mask);
    value(5, new byte[mask.length]);
    return end(nests);
  }

  private NfRule conntrack(int key, int register) {
    int[] nests = begin("ct");
    message.attributeBig32(1, FIRST_REGISTER + register).attributeBig32(2, key);
    return end(nests);
  }

  private static byte[] host32(int value) {
    return new byte[] {
      (byte) value, (byte) (value >> 8), (byte) (value >> 16), (byte) (value >> 24)
    };
  }

  /** An interface's name as a comparison wants it. */
  private static byte[] name(String name) {
    return Arrays.copyOf(name.getBytes(StandardCharsets.UTF_8), INTERFACE_NAME);
  }

  /** Goes on if the packet came in by the interface, or by another one. */
  public NfRule input(String name, boolean equal) {
    return meta(META_INPUT_NAME, 0).compare(0, equal, name(name));
  }

  /** Goes on if the packet leaves by the interface, or by another one. */
  public NfRule output(String name, boolean equal) {
    return meta(META_OUTPUT_NAME, 0).compare(0, equal, name(name));
  }

  private NfRule network(int offset, IpNetwork network, boolean equal) {
    byte[] mask = new byte[4];
    Arrays.fill(mask, (byte) 0xff);
    byte[] netmask = new IpNetwork(IpAddress.of(mask), network.prefix()).masked().address().bytes();
    return payload(NETWORK_HEADER, offset, 4, 0)
        .mask(0, netmask)
        .compare(0, equal, network.masked().address().bytes());
  }

  /** Goes on if the IPv4 source is in the network, or is not. */
  public NfRule source(IpNetwork network, boolean equal) {
    return network(IP_SOURCE, network, equal);
  }

  /** Goes on if the IPv4 destination is in the network, or is not. */
  public NfRule destination(IpNetwork network, boolean equal) {
    return network(IP_DESTINATION, network, equal);
  }

  /** Goes on if the route type of the destination is {@code type}, see {@link #TYPE_LOCAL}. */
  public NfRule destinationType(int type) {
    int[] nests = begin("fib");
    message.attributeBig32(1, FIRST_REGISTER).attributeBig32(2, 3).attributeBig32(3, 2);
    return end(nests).compare(0, true, host32(type));
  }

  /** Goes on if the connection is in one of the states. */
  public NfRule state(int states) {
    return conntrack(CT_STATE, 0).mask(0, host32(states)).compare(0, false, new byte[4]);
  }

  /** Goes on if the connection has one of the status bits. */
  public NfRule status(int bits) {
    return conntrack(CT_STATUS, 0).mask(0, host32(bits)).compare(0, false, new byte[4]);
  }

  /** Loads the IPv4 destination address. */
  public NfRule loadDestination(int register) {
    return payload(NETWORK_HEADER, IP_DESTINATION, 4, register);
  }

  /** Loads the transport protocol's number. */
  public NfRule loadProtocol(int register) {
    return meta(META_L4PROTO, register);
  }

  /** Loads the destination port. */
  public NfRule loadPort(int register) {
    return payload(TRANSPORT_HEADER, 2, 2, register);
  }

  /** Goes on if the transport protocol is the one of this number. */
  public NfRule protocol(int number) {
    return meta(META_L4PROTO, 0).compare(0, true, new byte[] {(byte) number});
  }

  private NfRule load(int register, byte[] bytes) {
    int[] nests = begin("immediate");
    message.attributeBig32(1, FIRST_REGISTER + register);
    value(2, bytes);
    return end(nests);
  }

  /** Rewrites the destination to an IPv4 address and a port. */
  public NfRule destinationNat(IpAddress address, int port) {
    return load(0, address.bytes())
        .load(1, new byte[] {(byte) (port >> 8), (byte) port})
        .destinationNat(0, 1);
  }

  /**
   * Looks up the registers from {@code key} on in a map and continues, with the value, if they are
   * found.
   */
  public NfRule lookup(String map, int key, int value) {
    int[] nests = begin("lookup");
    message
        .attribute(1, map)
        .attributeBig32(2, FIRST_REGISTER + key)
        .attributeBig32(3, FIRST_REGISTER + value);
    return end(nests);
  }

  /** Rewrites the destination to an address and a port in registers. */
  public NfRule destinationNat(int address, int port) {
    int[] nests = begin("nat");
    message
        .attributeBig32(1, 1)
        .attributeBig32(2, NfTables.IPV4)
        .attributeBig32(3, FIRST_REGISTER + address)
        .attributeBig32(5, FIRST_REGISTER + port);
    return end(nests);
  }

  /** Rewrites the source to the address of the interface that the packet leaves by. */
  public NfRule masquerade() {
    return end(begin("masq"));
  }

  public NfRule accept() {
    return verdict(1);
  }

  public NfRule drop() {
    return verdict(0);
  }

  private NfRule verdict(int code) {
    int[] nests = begin("immediate");
    message.attributeBig32(1, 0);
    int data = message.beginNested(2);
    int verdict = message.beginNested(2);
    message.attributeBig32(1, code).end(verdict).end(data);
    return end(nests);
  }
}
