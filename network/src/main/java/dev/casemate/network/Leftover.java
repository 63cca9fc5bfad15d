package dev.casemate.network;

/**
 * Something of Casemate's network that belongs to no sandbox that is known.
 *
 * @param kind {@code namespace}, {@code link}, {@code lease}, {@code record}, {@code port}, {@code
 *     bridge} or {@code table}
 * @param sandboxId whose it was, for {@link Networks#release}; empty if that cannot be told
 */
public record Leftover(String kind, String name, String sandboxId) {}
