package dev.casemate.rpc;

/**
 * A stream of bytes in both directions that blocks: a socket, or a port of a virtio-serial device.
 * One thread may read while another writes.
 */
public interface Channel extends AutoCloseable {
  /**
   * Reads what there is, waiting for the first byte.
   *
   * @param b where to put it
   * @param off index of the first byte
   * @param len the most to read, above 0
   * @return bytes read, above 0; -1 at the stream's end, and after {@link #close}
   * @throws RuntimeException if reading fails
   */
  int read(byte[] b, int off, int len);

  /**
   * Writes all bytes.
   *
   * @param b array that contains the bytes
   * @param off index of the first byte
   * @param len number of bytes
   * @throws RuntimeException if writing fails, the channel is or gets closed, or the peer does not
   *     read for longer than the channel's limit, if it has one
   */
  void write(byte[] b, int off, int len);

  /** Closes the stream and wakes up threads that read or write. Does nothing the second time. */
  @Override
  void close();
}
