package dev.casemate.agent;

import dev.casemate.protobuf.ProtoMessage;

/**
 * Where the result of one request goes, now or later. Exactly one of {@link #ok} and {@link #fail}
 * is called, once.
 */
interface Answer {
  void ok(ProtoMessage message);

  void fail(Throwable cause);

  /** Whether somebody still waits; if not, nothing may be taken from a stream for this answer. */
  boolean isWanted();
}
