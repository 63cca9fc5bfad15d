package dev.casemate.agent;

import dev.casemate.protobuf.ProtoMessage;
import org.jspecify.annotations.Nullable;

/** Keeps an answer for a look. */
final class TestAnswer implements Answer {
  @Nullable ProtoMessage message;
  @Nullable Throwable failure;
  boolean wanted = true;

  @Override
  public void ok(ProtoMessage answer) {
    if (isDone()) {
      throw new IllegalStateException("answered twice");
    }
    message = answer;
  }

  @Override
  public void fail(Throwable cause) {
    if (isDone()) {
      throw new IllegalStateException("answered twice");
    }
    failure = cause;
  }

  @Override
  public boolean isWanted() {
    return wanted && !isDone();
  }

  boolean isDone() {
    return message != null || failure != null;
  }
}
