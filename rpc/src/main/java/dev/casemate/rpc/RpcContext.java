package dev.casemate.rpc;

import java.util.Map;

/**
 * What came with a request besides its message.
 *
 * @param timeoutNanos how long the caller waits, in nanoseconds; 0 for ever
 * @param metadata pairs such as containerd-namespace-ttrpc; where a name came more than once, its
 *     first value
 */
public record RpcContext(long timeoutNanos, Map<String, String> metadata) {
  /** Copies the map. */
  public RpcContext {
    metadata = Map.copyOf(metadata);
  }
}
