package dev.casemate.rpc;

import org.jspecify.annotations.Nullable;

/**
 * A call failed: the other end said so, or it did not answer in time. A service throws it to answer
 * with a status.
 */
public class RpcException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final RpcStatus status;

  /**
   * @param status anything but {@link RpcStatus#OK}
   * @param message what failed and why, as the other end's user is to read it
   */
  public RpcException(RpcStatus status, String message) {
    this(status, message, null);
  }

  /**
   * @param status anything but {@link RpcStatus#OK}
   * @param message what failed and why
   * @param cause what led to it
   */
  public RpcException(RpcStatus status, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.status = status;
  }

  /** What a service throws at a method that it does not have. */
  public static RpcException unimplemented(String service, String method) {
    return new RpcException(
        RpcStatus.UNIMPLEMENTED,
        "method " + method + " of service " + service + " is not implemented here");
  }

  /** The status. */
  public RpcStatus status() {
    return status;
  }

  /** The message, which is never absent. */
  public String text() {
    String message = getMessage();
    return message == null ? status.name() : message;
  }
}
