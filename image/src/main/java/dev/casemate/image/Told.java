package dev.casemate.image;

import java.io.InputStream;
import java.util.function.LongConsumer;

/** Tells now and then how many bytes have been read. */
final class Told extends CountedStream {
  private final long each;
  private final LongConsumer progress;
  private long next;

  /**
   * Nothing is told before the first {@code each} bytes.
   *
   * @param progress is given the count so far
   */
  Told(InputStream in, long each, LongConsumer progress) {
    super(in);
    this.each = each;
    this.progress = progress;
    this.next = each;
  }

  @Override
  void counted() {
    if (position() >= next) {
      next = position() + each;
      progress.accept(position());
    }
  }
}
