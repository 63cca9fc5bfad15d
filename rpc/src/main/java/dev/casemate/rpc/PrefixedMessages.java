package dev.casemate.rpc;

import dev.casemate.protobuf.MalformedMessageException;
import java.util.ArrayList;
import java.util.List;

/**
 * Takes a stream apart that carries messages, each behind its length in four bytes, big endian. The
 * other end is not trusted: nothing longer than the limit is ever kept.
 */
public final class PrefixedMessages {
  private static final int PREFIX = 4;

  private final int limit;
  private byte[] kept = new byte[0];

  /** Messages of at most {@code limit} bytes. */
  public PrefixedMessages(int limit) {
    this.limit = limit;
  }

  /** A message with its length before it. */
  public static byte[] frame(byte[] message) {
    byte[] framed = new byte[PREFIX + message.length];
    for (int i = 0; i < PREFIX; i++) {
      framed[i] = (byte) (message.length >> (8 * (PREFIX - 1 - i)));
    }
    System.arraycopy(message, 0, framed, PREFIX, message.length);
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
    while (all.length - at >= PREFIX) {
      int size = 0;
      for (int i = 0; i < PREFIX; i++) {
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
      if (all.length - at - PREFIX < size) {
        break;
      }
      messages.add(java.util.Arrays.copyOfRange(all, at + PREFIX, at + PREFIX + size));
      at += PREFIX + size;
    }
    kept = java.util.Arrays.copyOfRange(all, at, all.length);
    return messages;
  }
}
