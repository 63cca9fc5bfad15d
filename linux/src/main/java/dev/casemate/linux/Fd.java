package dev.casemate.linux;

/**
 * An open file descriptor that is closed once. Every descriptor that this module opens is
 * close-on-exec.
 *
 * <p>{@code read} and {@code write} retry on EINTR. A non-blocking descriptor answers {@link
 * #WOULD_BLOCK}.
 */
public final class Fd implements AutoCloseable {
  /** What {@link #read} and {@link #write} return when a non-blocking descriptor is not ready. */
  public static final int WOULD_BLOCK = -2;

  /** What {@link #read} returns at the end of the file or stream. */
  public static final int END = -1;

  public static final Fd STDIN = new Fd(0);
  public static final Fd STDOUT = new Fd(1);
  public static final Fd STDERR = new Fd(2);

  /** {@code AT_FDCWD}: relative paths start at the working directory. */
  static final int CWD = -100;

  private static final int F_DUPFD_CLOEXEC = 1030;
  private static final int F_GETFD = 1;
  private static final int F_SETFD = 2;
  private static final int F_GETFL = 3;
  private static final int F_SETFL = 4;
  private static final int O_NONBLOCK = 0x800;
  private static final int CHUNK = 64 * 1024;

  private int number;

  private Fd(int number) {
    this.number = number;
  }

  /** Takes ownership of an open descriptor. */
  public static Fd of(int number) {
    if (number < 0) {
      throw new IllegalArgumentException("not a file descriptor: " + number);
    }
    return new Fd(number);
  }

  /** The number; an {@link IllegalStateException} once closed. */
  public synchronized int number() {
    if (number < 0) {
      throw new IllegalStateException("file descriptor is closed");
    }
    return number;
  }

  /** Whether {@link #close} or {@link #release} has not been called yet. */
  public synchronized boolean isOpen() {
    return number >= 0;
  }

  /** Gives the number away: this object no longer closes it. */
  public synchronized int release() {
    int released = number();
    number = -1;
    return released;
  }

  /** {@code /proc/self/fd/N}, a path to what the descriptor refers to. */
  public String procPath() {
    return "/proc/self/fd/" + number();
  }

  /**
   * Reads up to {@code length} bytes.
   *
   * @return the count, {@link #END} or {@link #WOULD_BLOCK}
   */
  public int read(byte[] bytes, int offset, int length) {
    int want = Math.min(length, CHUNK);
    try (NativeBuffer buffer = NativeBuffer.allocate(want)) {
      while (true) {
        long n = SystemCall.raw(SystemCall.READ, number(), buffer.address(), want);
        if (n == -Errno.EINTR) {
          continue;
        }
        if (n == -Errno.EAGAIN) {
          return WOULD_BLOCK;
        }
        SystemCall.check(n, "read", "fd " + number);
        if (n == 0 && want > 0) {
          return END;
        }
        buffer.get(0, bytes, offset, (int) n);
        return (int) n;
      }
    }
  }

  /**
   * Writes up to {@code length} bytes.
   *
   * @return the count or {@link #WOULD_BLOCK}
   */
  public int write(byte[] bytes, int offset, int length) {
    int want = Math.min(length, CHUNK);
    try (NativeBuffer buffer = NativeBuffer.allocate(want)) {
      buffer.put(0, bytes, offset, want);
      while (true) {
        long n = SystemCall.raw(SystemCall.WRITE, number(), buffer.address(), want);
        if (n == -Errno.EINTR) {
          continue;
        }
        if (n == -Errno.EAGAIN) {
          return WOULD_BLOCK;
        }
        return (int) SystemCall.check(n, "write", "fd " + number);
      }
    }
  }

  /** Writes everything; the descriptor must be a blocking one. */
  public void writeAll(byte[] bytes, int offset, int length) {
    int done = 0;
    while (done < length) {
      int n = write(bytes, offset + done, length - done);
      if (n == WOULD_BLOCK) {
        Poll.await(this, Poll.OUT, -1);
        continue;
      }
      done += n;
    }
  }

  /** Writes all of {@code bytes}. */
  public void writeAll(byte[] bytes) {
    writeAll(bytes, 0, bytes.length);
  }

  /** A second descriptor, close-on-exec, with a number of at least {@code minimum}. */
  public Fd duplicate(int minimum) {
    return of(
        (int)
            SystemCall.check(
                SystemCall.raw(SystemCall.FCNTL, number(), F_DUPFD_CLOEXEC, minimum),
                "fcntl(F_DUPFD_CLOEXEC)",
                "fd " + number));
  }

  /** Sets or clears O_NONBLOCK. */
  public void nonBlocking(boolean on) {
    long flags =
        SystemCall.check(
            SystemCall.raw(SystemCall.FCNTL, number(), F_GETFL), "fcntl(F_GETFL)", "fd " + number);
    SystemCall.check(
        SystemCall.raw(
            SystemCall.FCNTL, number(), F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK),
        "fcntl(F_SETFL)",
        "fd " + number);
  }

  /** Sets or clears close-on-exec. */
  public void closeOnExec(boolean on) {
    SystemCall.check(
        SystemCall.raw(SystemCall.FCNTL, number(), F_SETFD, on ? 1 : 0),
        "fcntl(F_SETFD)",
        "fd " + number);
  }

  /** Whether the number refers to an open file. */
  public static boolean isValid(int number) {
    return !SystemCall.failed(SystemCall.raw(SystemCall.FCNTL, number, F_GETFD));
  }

  @Override
  public synchronized void close() {
    if (number >= 0) {
      int closing = number;
      number = -1;
      // Linux has released the number whatever close(2) returns: there is nothing to retry.
      SystemCall.raw(SystemCall.CLOSE, closing);
    }
  }

  @Override
  public String toString() {
    return "fd " + number;
  }
}
