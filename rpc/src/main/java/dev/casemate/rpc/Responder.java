package dev.casemate.rpc;

/**
 * Answers one request of a {@link TtrpcSession}, at once or later, once. After the session has
 * ended, answers are dropped.
 */
public interface Responder {
  /** What came with the request. */
  RpcContext context();

  /**
   * Answers with a response.
   *
   * @param payload the response, encoded
   * @throws IllegalStateException if the request was answered before
   */
  void reply(byte[] payload);

  /**
   * Answers with an error.
   *
   * @param status anything but OK
   * @param message what failed and why
   * @throws IllegalStateException if the request was answered before
   */
  void fail(RpcStatus status, String message);

  /** Whether the request was answered. */
  boolean isDone();
}
