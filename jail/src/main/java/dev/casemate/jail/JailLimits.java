package dev.casemate.jail;

/**
 * Resource limits of a jailed program (setrlimit(2)); core dumps are always off. They are soft
 * limits: the filter keeps the program from raising them.
 *
 * @param fileBytes how long a file may become by its writing, RLIMIT_FSIZE; −1 leaves it
 * @param openFiles how many descriptors it may have, RLIMIT_NOFILE; −1 leaves it
 */
public record JailLimits(long fileBytes, long openFiles) {
  /** Core dumps off, the rest as it is. */
  public static final JailLimits CORE_ONLY = new JailLimits(-1, -1);
}
