package dev.casemate.agent;

/** The agent's end of the way to the host. */
interface HostEnd {
  /** Begins to serve the host. */
  void start();

  /** Whether everything that was answered has been written. */
  boolean isFlushed();
}
