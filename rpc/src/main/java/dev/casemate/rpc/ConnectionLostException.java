package dev.casemate.rpc;

import org.jspecify.annotations.Nullable;

/**
 * The connection ended, here or there, before the answer came. Whether the call was carried out is
 * unknown.
 */
public final class ConnectionLostException extends RpcException {
  private static final long serialVersionUID = 1;

  /**
   * @param message whose connection, and what was under way
   * @param cause what ended it
   */
  public ConnectionLostException(String message, @Nullable Throwable cause) {
    super(RpcStatus.UNAVAILABLE, message, cause);
  }
}
