package dev.casemate.jail;

/**
 * Resource limits of a jailed program (setrlimit(2)); core dumps are always off. In the full jail
 * they are soft limits, which the filter keeps the program from raising. A daemon's are hard limits
 * as well, where this process may raise its own again (CAP_SYS_RESOURCE).
 *
 * @param fileBytes how long a file may become by its writing, RLIMIT_FSIZE; −1 leaves it
 * @param openFiles how many descriptors it may have, RLIMIT_NOFILE; −1 leaves it
 */
public record JailLimits(long fileBytes, long openFiles) {}
