package dev.casemate.image;

import java.io.IOException;
import java.io.InputStream;
import java.util.function.LongSupplier;

/**
 * Decompressed bytes up to a limit, so that few stored bytes cannot keep us busy for hours. What
 * has another limit already does not count.
 */
final class BoundedStream extends CountedStream {
  /** What any archive may unpack to, however small it is stored. */
  private static final long FREE = 1L << 30;

  /** Deflate's best is 1032 to 1 (RFC 1951: 258 bytes for two bits). */
  private static final long RATIO = 1100;

  private final LongSupplier elsewhere;
  private long limit;

  BoundedStream(InputStream in, long limit) {
    this(in, limit, () -> 0);
  }

  /**
   * @param elsewhere how many of the bytes so far somebody else has counted and bounded; never less
   *     than before
   */
  BoundedStream(InputStream in, long limit, LongSupplier elsewhere) {
    super(in);
    this.limit = limit;
    this.elsewhere = elsewhere;
  }

  /** More decompressed bytes than allowed; the message names the limit. */
  static final class TooLong extends IOException {
    private static final long serialVersionUID = 1L;

    TooLong(long limit) {
      super("it decompresses to more than " + limit + " bytes");
    }
  }

  /** The limit by what is stored: a fixed ratio, and an absolute limit of the caller's. */
  static long limit(long storedBytes, long absolute) {
    long byRatio =
        storedBytes > (Long.MAX_VALUE - FREE) / RATIO ? absolute : FREE + storedBytes * RATIO;
    return Math.min(byRatio, absolute);
  }

  /** From here on, at most this many bytes more. */
  void allow(long more) {
    limit = Math.min(limit, position() + more - elsewhere.getAsLong());
  }

  @Override
  void counted() throws IOException {
    if (position() > limit) {
      long most = limit + elsewhere.getAsLong();
      if (position() > most) {
        throw new TooLong(most);
      }
    }
  }
}
