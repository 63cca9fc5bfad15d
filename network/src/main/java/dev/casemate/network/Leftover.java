package dev.casemate.network;

/**
 * An object of Casemate's network that belongs to no known sandbox.
 *
 * @param kind {@code namespace}, {@code link}, {@code lease}, {@code record}, {@code port}, {@code
 *     bridge} or {@code table}
 * @param sandboxId its former sandbox, for {@link Networks#release}; empty if unknown
 */
public record Leftover(String kind, String name, String sandboxId) {}
