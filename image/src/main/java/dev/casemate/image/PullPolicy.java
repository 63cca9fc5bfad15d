package dev.casemate.image;

/**
 * Whether a registry is asked. Local images (directories, archives) are always read as they are.
 */
public enum PullPolicy {
  /** Only if the image is not in the store. */
  MISSING,
  /** Each time; layers that are in the store are not fetched again. */
  ALWAYS,
  /** Not at all: an image that is not in the store is an error. */
  NEVER
}
