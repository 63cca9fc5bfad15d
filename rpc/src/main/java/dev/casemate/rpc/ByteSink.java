package dev.casemate.rpc;

/** Takes bytes without blocking: a descriptor in non-blocking mode. */
public interface ByteSink {
  /**
   * Writes what can be written now.
   *
   * @return bytes taken, 0 if none can be taken now
   * @throws RuntimeException if writing fails
   */
  int write(byte[] b, int off, int len);
}
