package dev.casemate.cell;

/**
 * A compiled filter.
 *
 * @param program classic BPF as {@link dev.casemate.linux.Seccomp#install} takes it
 * @param flags {@code SECCOMP_FILTER_FLAG_}
 */
record SeccompFilter(long[] program, int flags, String listenerPath, String listenerMetadata) {}
