package dev.casemate.agent;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Epoll;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.protocol.agent.WriteStreamResponse;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * A process's standard input as the host writes it. A process that does not read only holds up the
 * answers to its own writes.
 */
final class InputPipe {
  private static final int PENDING_LIMIT = 64;
  private static final int BYTES_LIMIT = 8 << 20;

  private static final class Write {
    private final byte[] data;
    private final Answer answer;
    private int done;

    private Write(byte[] data, Answer answer) {
      this.data = data;
      this.answer = answer;
    }
  }

  private final Loop loop;
  private final ArrayDeque<Write> writes = new ArrayDeque<>();
  private @Nullable Fd fd;
  private long pendingBytes;
  private boolean watched;
  private boolean closing;

  /** Takes over a non-blocking descriptor. */
  InputPipe(Loop loop, Fd fd) {
    this.loop = loop;
    this.fd = fd;
  }

  private InputPipe(Loop loop) {
    this.loop = loop;
  }

  /** The input of a process that has none. */
  static InputPipe none(Loop loop) {
    return new InputPipe(loop);
  }

  /** Answers once the pipe has taken everything. */
  void write(byte[] data, Answer answer) {
    if (fd == null || closing) {
      throw closed();
    }
    if (writes.size() >= PENDING_LIMIT || pendingBytes + data.length > BYTES_LIMIT) {
      throw CasemateException.of(
          Kind.RESOURCE_EXHAUSTED,
          "too much standard input is buffered for a process that does not read it");
    }
    writes.add(new Write(data, answer));
    pendingBytes += data.length;
    serve();
  }

  private static CasemateException closed() {
    return CasemateException.of(Kind.FAILED_PRECONDITION, "standard input is closed");
  }

  private void serve() {
    while (fd != null) {
      Write write = writes.peek();
      if (write == null) {
        if (closing) {
          abandon();
        } else {
          unwatch();
        }
        return;
      }
      if (!push(fd, write)) {
        watch(fd);
        return;
      }
    }
  }

  /** Whether the write is over, for good or ill. */
  private boolean push(Fd target, Write write) {
    try {
      while (write.done < write.data.length) {
        int n =
            loop.transfer().write(target, write.data, write.done, write.data.length - write.done);
        if (n == Fd.WOULD_BLOCK) {
          return false;
        }
        write.done += n;
      }
    } catch (LinuxException e) {
      if (e.errno() != Errno.EPIPE && e.errno() != Errno.EIO) {
        write.answer.fail(e);
        writes.poll();
        pendingBytes -= write.data.length;
        return true;
      }
      abandon();
      return true;
    }
    writes.poll();
    pendingBytes -= write.data.length;
    write.answer.ok(WriteStreamResponse.builder().len(write.done).build());
    return true;
  }

  private void watch(Fd target) {
    if (!watched) {
      watched = true;
      loop.watch(target, Epoll.OUT, events -> serve());
    }
  }

  private void unwatch() {
    if (watched && fd != null) {
      watched = false;
      loop.forget(fd);
    }
  }

  /** Closes the input once it has taken what was written before. */
  void closeWhenWritten() {
    closing = true;
    serve();
  }

  /** Closes the input now; writes that wait fail. */
  void abandon() {
    unwatch();
    if (fd != null) {
      fd.close();
      fd = null;
    }
    pendingBytes = 0;
    for (Write write = writes.poll(); write != null; write = writes.poll()) {
      write.answer.fail(closed());
    }
  }
}
