package dev.casemate.agent;

import dev.casemate.protobuf.ProtoMessage;

/**
 * Where the result of one request goes, now or later. Exactly one of {@link #ok} and {@link #fail}
 * is called, once.
 */
interface Answer {
  void ok(ProtoMessage message);

  void fail(Throwable cause);

  /** Whether the caller still waits; if not, this answer must not take anything from a stream. */
  boolean isWanted();
}
