package dev.casemate.rpc;

import org.jspecify.annotations.Nullable;

/**
 * A call that waits for its answer. Its monitor is its own, so that one answer wakes one thread.
 */
final class PendingCall {
  private final String what;
  private @Nullable RpcResponse response;
  private @Nullable String loss;
  private @Nullable Throwable lossCause;

  /** The stream; known once the frame is in the queue. */
  int streamId;

  PendingCall(String what) {
    this.what = what;
  }

  synchronized void answer(RpcResponse answer) {
    if (response == null) {
      response = answer;
      notifyAll();
    }
  }

  synchronized void lose(String reason, @Nullable Throwable cause) {
    if (response == null && loss == null) {
      loss = reason;
      lossCause = cause;
      notifyAll();
    }
  }

  /**
   * Waits.
   *
   * @return whether the call has ended before the deadline
   */
  synchronized boolean await(Deadline deadline) throws InterruptedException {
    while (response == null && loss == null) {
      if (!deadline.waitOn(this)) {
        return false;
      }
    }
    return true;
  }

  /** Whether the connection was lost before there was an answer. */
  synchronized boolean isLost() {
    return loss != null && response == null;
  }

  /** The answer's payload. */
  synchronized byte[] result() {
    RpcResponse answer = response;
    if (answer == null) {
      throw new ConnectionLostException(what + ": " + loss, lossCause);
    }
    if (answer.status() != RpcStatus.OK) {
      throw new RpcException(
          answer.status(),
          answer.message().isEmpty() ? what + " failed with " + answer.status() : answer.message());
    }
    return answer.payload();
  }
}
