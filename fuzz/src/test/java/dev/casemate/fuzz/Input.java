package dev.casemate.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * The fuzzer's bytes, taken apart: choices first, then text or bytes. Never runs out: zeros follow.
 */
public final class Input {
  private final byte[] bytes;
  private int at;

  /** All bytes of one run. */
  public Input(byte[] bytes) {
    this.bytes = bytes;
  }

  /** Whether there are bytes left. */
  public boolean hasMore() {
    return at < bytes.length;
  }

  /** The next byte, 0 to 255. */
  public int next() {
    return at < bytes.length ? bytes[at++] & 0xff : 0;
  }

  /** One of several. */
  public <T> T choose(List<T> choices) {
    return choices.get(next() % choices.size());
  }

  /** So many bytes as the next one says, or fewer if there are fewer. */
  public byte[] piece() {
    int length = Math.min(next(), bytes.length - at);
    at += length;
    return Arrays.copyOfRange(bytes, at - length, at);
  }

  /** A {@link #piece} as text. */
  public String text() {
    return text(piece());
  }

  /** Everything that is left. */
  public byte[] rest() {
    byte[] rest = Arrays.copyOfRange(bytes, at, bytes.length);
    at = bytes.length;
    return rest;
  }

  /** Bytes as the parsers' callers make text of them. */
  public static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
