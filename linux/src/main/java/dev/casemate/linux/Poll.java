package dev.casemate.linux;

/** {@code poll(2)} for one or a few descriptors. */
public final class Poll {
  public static final int IN = 1;
  public static final int OUT = 4;
  public static final int ERR = 8;
  public static final int HUP = 16;

  private Poll() {}

  /**
   * Waits until the descriptor is ready.
   *
   * @param timeoutMillis −1 waits for ever
   * @return the events that are ready, 0 after the timeout
   */
  public static int await(Fd fd, int events, int timeoutMillis) {
    int[] ready = await(new int[] {fd.number()}, new int[] {events}, timeoutMillis);
    return ready[0];
  }

  /**
   * Waits until one of the descriptors is ready; the result holds the ready events of each. A
   * negative descriptor is left out.
   */
  public static int[] await(int[] fds, int[] events, int timeoutMillis) {
    int[] ready = new int[fds.length];
    long deadline = timeoutMillis < 0 ? 0 : System.nanoTime() + timeoutMillis * 1_000_000L;
    try (NativeBuffer buffer = NativeBuffer.allocate(8 * fds.length)) {
      for (int i = 0; i < fds.length; i++) {
        buffer.putInt(8 * i, fds[i]).putShort(8 * i + 4, events[i]);
      }
      int left = timeoutMillis;
      while (true) {
        long n = SystemCall.raw(SystemCall.POLL, buffer.address(), fds.length, left);
        if (n == -Errno.EINTR) {
          if (timeoutMillis >= 0) {
            left = (int) Math.max(0, (deadline - System.nanoTime()) / 1_000_000);
          }
          continue;
        }
        SystemCall.check(n, "poll", "");
        for (int i = 0; i < fds.length; i++) {
          ready[i] = buffer.getShort(8 * i + 6);
        }
        return ready;
      }
    }
  }
}
