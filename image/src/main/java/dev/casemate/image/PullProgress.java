package dev.casemate.image;

/**
 * Follows an image on its way into the store. Layers are fetched at the same time: the methods are
 * called from several threads, one after the other for one blob. All do nothing by default.
 */
public interface PullProgress {
  /** Reports nothing. */
  PullProgress NONE = new PullProgress() {};

  /** An image's manifest is requested from a registry. */
  default void asking(String registry) {}

  /** A registry gave no usable answer; it is asked again after a pause. */
  default void askingAgain(String registry, String reason) {}

  /** Work on an image begins; it was not in the store. */
  default void image(String name, int layers, long bytes) {}

  /** A blob's transfer begins. */
  default void begin(String digest, long size) {}

  /** So many bytes of a blob are there; the count falls back to 0 if a server cannot resume. */
  default void transferred(String digest, long done, long size) {}

  /** A connection was interrupted; the transfer resumes after a pause. */
  default void retry(String digest, String reason) {}

  /** A blob is complete and verified, or was in the store already. */
  default void complete(String digest) {}

  /** A layer is being unpacked, counted from 1. */
  default void unpack(int layer, int layers) {}

  /** So many bytes of that layer are unpacked; what they will be in all is not known before. */
  default void unpacked(int layer, int layers, long bytes) {}

  /** The root file system is being created from the unpacked layers. */
  default void build() {}
}
