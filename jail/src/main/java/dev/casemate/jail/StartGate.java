package dev.casemate.jail;

import dev.casemate.linux.Errno;
import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.Poll;
import dev.casemate.linux.SystemCall;
import org.jspecify.annotations.Nullable;

/**
 * Lets a filtered thread start its one program: answers the filter's listener (seccomp_unotify(2))
 * until the start is over, then closes it for good.
 */
final class StartGate implements AutoCloseable {
  private static final int RECEIVE = 0xc0502100;
  private static final int SEND = 0xc0182101;
  private static final int REQUEST_BYTES = 80;
  private static final int RESPONSE_BYTES = 24;
  private static final int CONTINUE = 1;

  /** Offset of the call's number in {@code struct seccomp_notif}. */
  private static final int CALL = 16;

  private final Fd over = EventFd.open();
  private @Nullable Fd listener;
  private boolean ended;
  private boolean executed;

  /** The starting thread has installed its filter. */
  synchronized void open(Fd listenerOfFilter) {
    listener = listenerOfFilter;
    notifyAll();
  }

  /** The start is over, well or not. Makes no call but write(2) and futex(2). */
  void end() {
    EventFd.signal(over);
    synchronized (this) {
      ended = true;
      notifyAll();
    }
  }

  /** Answers until {@link #end}. */
  void serve() {
    Fd asked = await();
    if (asked == null) {
      return;
    }
    int[] fds = {asked.number(), over.number()};
    try (NativeBuffer request = NativeBuffer.allocate(REQUEST_BYTES);
        NativeBuffer response = NativeBuffer.allocate(RESPONSE_BYTES)) {
      while (true) {
        int[] ready = Poll.await(fds, new int[] {Poll.IN, Poll.IN}, -1);
        if ((ready[0] & Poll.IN) != 0) {
          answer(asked, request, response);
        } else {
          // The end, or a filter without threads.
          return;
        }
      }
    }
  }

  private synchronized @Nullable Fd await() {
    boolean interrupted = false;
    while (listener == null && !ended) {
      try {
        wait();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return listener;
  }

  /** One program is started: once it has been executed, the answer is that of a closed gate. */
  private void answer(Fd listener, NativeBuffer request, NativeBuffer response) {
    request.put(0, new byte[REQUEST_BYTES], 0, REQUEST_BYTES);
    long result =
        SystemCall.raw(
            SystemCall.IOCTL, listener.number(), RECEIVE & 0xffffffffL, request.address());
    if (result == -Errno.ENOENT || result == -Errno.EINTR) {
      // The caller was killed while it waited.
      return;
    }
    SystemCall.check(result, "ioctl(SECCOMP_IOCTL_NOTIF_RECV)", "");
    response
        .putLong(0, request.getLong(0))
        .putLong(8, 0)
        .putInt(16, executed ? -Errno.ENOSYS : 0)
        .putInt(20, executed ? 0 : CONTINUE);
    executed |= request.getInt(CALL) == SystemCall.EXECVE;
    result =
        SystemCall.raw(SystemCall.IOCTL, listener.number(), SEND & 0xffffffffL, response.address());
    if (result != -Errno.ENOENT) {
      SystemCall.check(result, "ioctl(SECCOMP_IOCTL_NOTIF_SEND)", "");
    }
  }

  /** From here on the calls that only a start needs fail. */
  @Override
  public synchronized void close() {
    if (listener != null) {
      listener.close();
    }
    over.close();
  }
}
