package dev.casemate.linux;

import java.util.HashMap;
import java.util.Map;

/** A level-triggered event loop's kernel half: descriptors with handlers. For one thread. */
public final class Epoll implements AutoCloseable {
  public static final int IN = 1;
  public static final int OUT = 4;
  public static final int ERR = 8;
  public static final int HUP = 16;
  private static final int ADD = 1;
  private static final int DELETE = 2;
  private static final int MODIFY = 3;
  private static final int BATCH = 32;

  /** Called with the events that are ready. */
  public interface Handler {
    void ready(int events);
  }

  private final Fd epoll;
  private final NativeBuffer event = NativeBuffer.allocate(12);
  private final NativeBuffer events = NativeBuffer.allocate(12 * BATCH);
  private final Map<Integer, Handler> handlers = new HashMap<>();

  /** Opens an epoll instance. */
  public Epoll() {
    epoll =
        Fd.of(
            (int)
                SystemCall.check(
                    SystemCall.raw(SystemCall.EPOLL_CREATE1, OpenFlag.CLOSE_ON_EXEC),
                    "epoll_create1",
                    ""));
  }

  public void add(Fd fd, int interest, Handler handler) {
    control(ADD, fd.number(), interest);
    handlers.put(fd.number(), handler);
  }

  /** Changes what a descriptor waits for; 0 keeps it but reports only errors and hang-ups. */
  public void modify(Fd fd, int interest) {
    control(MODIFY, fd.number(), interest);
  }

  /** Must come before the descriptor is closed. */
  public void remove(Fd fd) {
    control(DELETE, fd.number(), 0);
    handlers.remove(fd.number());
  }

  private void control(int operation, int fd, int interest) {
    event.putInt(0, interest).putLong(4, fd);
    SystemCall.check(
        SystemCall.raw(SystemCall.EPOLL_CTL, epoll.number(), operation, fd, event.address()),
        "epoll_ctl",
        "fd " + fd);
  }

  /**
   * Waits once and calls the handlers of what is ready.
   *
   * @param timeoutMillis −1 waits for ever
   */
  public void poll(int timeoutMillis) {
    long n =
        SystemCall.raw(
            SystemCall.EPOLL_WAIT, epoll.number(), events.address(), BATCH, timeoutMillis);
    if (n == -Errno.EINTR) {
      return;
    }
    SystemCall.check(n, "epoll_wait", "");
    int[] fds = new int[(int) n];
    int[] ready = new int[(int) n];
    for (int i = 0; i < n; i++) {
      ready[i] = events.getInt(12 * i);
      fds[i] = (int) events.getLong(12 * i + 4);
    }
    for (int i = 0; i < n; i++) {
      // A handler may have removed a later one.
      Handler handler = handlers.get(fds[i]);
      if (handler != null) {
        handler.ready(ready[i]);
      }
    }
  }

  @Override
  public void close() {
    event.close();
    events.close();
    epoll.close();
  }
}
