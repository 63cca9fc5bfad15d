package dev.casemate.guest;

/**
 * Receives a builder's progress, which the command line prints. Called from the building thread
 * only.
 */
public interface Progress {
  /** Says nothing. */
  Progress SILENT = what -> {};

  /**
   * A new stage begins. {@code what} is a phrase such as "Downloading linux-image-…", without a
   * full stop.
   */
  void step(String what);

  /**
   * The running stage has come further.
   *
   * @param done units so far
   * @param total units in all, 0 when that is not known
   * @param unit what is counted, such as "objects" or "bytes"
   */
  default void count(long done, long total, String unit) {}
}
