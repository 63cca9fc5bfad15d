package dev.casemate.rpc;

import dev.casemate.protobuf.MalformedMessageException;
import java.util.ArrayList;
import java.util.List;

/**
 * Takes a stream apart that carries messages, each behind its length, big endian: in four bytes
 * between Casemate's own parts, in two in DNS over TCP (RFC 1035, section 4.2.2). The other end is
 * not trusted: nothing longer than the limit is ever kept.
 */
public final class PrefixedMessages {
  /** Most bytes of a DNS message over TCP: what its prefix can say. */
  public static final int DNS_LIMIT = 65_535;

  private static final int PREFIX = 4;
  private static final int DNS_PREFIX = 2;

  private final int prefix;
  private final int limit;
  private byte[] kept = new byte[0];

  /** Messages of at most {@code limit} bytes. */
  public PrefixedMessages(int limit) {
    this(PREFIX, limit);
  }

  private PrefixedMessages(int prefix, int limit) {
    this.prefix = prefix;
    this.limit = limit;
  }

  /** DNS over TCP: messages of at most {@link #DNS_LIMIT} bytes. None is ever malformed. */
  public static PrefixedMessages dns() {
    return new PrefixedMessages(DNS_PREFIX, DNS_LIMIT);
  }

  /** A message with its length before it. */
  public static byte[] frame(byte[] message) {
    return frame(PREFIX, message);
  }

  /**
   * A DNS message as TCP carries it.
   *
   * @throws IllegalArgumentException if it is longer than {@link #DNS_LIMIT}: its prefix would
   *     announce less than follows
   */
  public static byte[] dnsFrame(byte[] message) {
    if (message.length > DNS_LIMIT) {
      throw new IllegalArgumentException(
          "a DNS message of " + message.length + " bytes, at most " + DNS_LIMIT + " are allowed");
    }
    return frame(DNS_PREFIX, message);
  }

  private static byte[] frame(int prefix, byte[] message) {
    byte[] framed = new byte[prefix + message.length];
    for (int i = 0; i < prefix; i++) {
      framed[i] = (byte) (message.length >> (8 * (prefix - 1 - i)));
    }
    System.arraycopy(message, 0, framed, prefix, message.length);
    return framed;
  }

  /**
   * Adds a piece of the stream; returns the messages that are complete by it, in their order.
   *
   * @throws MalformedMessageException if one is announced that is longer than the limit: there is
   *     no way to find the next one
   */
  public List<byte[]> add(byte[] piece, int length) {
    byte[] all = java.util.Arrays.copyOf(kept, kept.length + length);
    System.arraycopy(piece, 0, all, kept.length, length);
    List<byte[]> messages = new ArrayList<>();
    int at = 0;
    while (all.length - at >= prefix) {
      int size = 0;
      for (int i = 0; i < prefix; i++) {
        size = size << 8 | (all[at + i] & 0xff);
      }
      if (size < 0 || size > limit) {
        throw new MalformedMessageException(
            "a message of "
                + (size & 0xffffffffL)
                + " bytes is announced, at most "
                + limit
                + " are allowed");
      }
      if (all.length - at - prefix < size) {
        break;
      }
      messages.add(java.util.Arrays.copyOfRange(all, at + prefix, at + prefix + size));
      at += prefix + size;
    }
    kept = java.util.Arrays.copyOfRange(all, at, all.length);
    return messages;
  }
}
