package dev.casemate.archive;

/**
 * Counts the memory that unpacking keeps from entry to entry: names and paths. An archive of few
 * bytes can hold many long paths, so the bytes are limited, not only the entries.
 */
final class Retained {
  /** About what a map's entry, a string and its array take beyond the characters. */
  private static final int OVERHEAD = 120;

  private final long limit;
  private long bytes;

  Retained(long limit) {
    this.limit = limit;
  }

  long bytes() {
    return bytes;
  }

  /**
   * Counts a name before it is kept.
   *
   * @throws ArchiveException if that is more than the limit
   */
  void add(String name) {
    bytes += OVERHEAD + size(name);
    if (bytes > limit) {
      throw new ArchiveException(
          ArchiveException.Reason.TOO_LARGE,
          "entry "
              + ArchiveException.quote(name)
              + " raises the memory for file names to more than "
              + limit
              + " bytes");
    }
  }

  /** Java keeps a string of Latin characters in one byte each, others in two. */
  private static long size(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) > 0xff) {
        return 2L * text.length();
      }
    }
    return text.length();
  }
}
