package dev.casemate.agent;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Epoll;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Poll;
import dev.casemate.protocol.agent.ReadStreamResponse;
import java.util.ArrayDeque;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A process's output as the host reads it. Nothing is buffered here: bytes stay in the pipe, which
 * holds the process back when it is full, until a request asks for them.
 */
final class OutputPipe {
  /** So that an answer with its frame goes out in one write. */
  private static final int CHUNK = Transfer.LIMIT - 64;

  private static final int PENDING_LIMIT = 16;

  /** There is one thread. */
  private static final byte[] SCRATCH = new byte[CHUNK];

  private record Reader(int limit, Answer answer) {}

  private final Loop loop;
  private final Runnable changed;
  private final ArrayDeque<Reader> readers = new ArrayDeque<>();
  private @Nullable Fd fd;
  private boolean watched;
  private boolean writersLeft;

  /**
   * Takes over a non-blocking descriptor.
   *
   * @param changed called when the stream has come to its end
   */
  OutputPipe(Loop loop, Fd fd, Runnable changed) {
    this.loop = loop;
    this.fd = fd;
    this.changed = changed;
  }

  private OutputPipe(Loop loop) {
    this.loop = loop;
    this.changed = () -> {};
  }

  /** A stream that is at its end: of a process with a terminal, standard error. */
  static OutputPipe none(Loop loop) {
    return new OutputPipe(loop);
  }

  /** Answers with up to {@code limit} bytes once there are some, with none at the end. */
  void read(int limit, Answer answer) {
    readers.removeIf(reader -> !reader.answer.isWanted());
    if (readers.size() >= PENDING_LIMIT) {
      throw CasemateException.of(
          Kind.RESOURCE_EXHAUSTED, "more than " + PENDING_LIMIT + " reads of one stream at a time");
    }
    int size = limit <= 0 ? CHUNK : Math.min(limit, CHUNK);
    readers.add(new Reader(size, answer));
    serve();
  }

  private void serve() {
    while (true) {
      Reader reader = readers.peek();
      if (reader == null) {
        unwatch();
        return;
      }
      if (!reader.answer.isWanted()) {
        readers.poll();
        continue;
      }
      byte @Nullable [] data = take(reader.limit);
      if (data == null) {
        watch();
        return;
      }
      readers.poll();
      reader.answer.ok(ReadStreamResponse.builder().data(data).build());
    }
  }

  /** Bytes that are there; empty at the end; null if there may be some later. */
  private byte @Nullable [] take(int limit) {
    if (fd == null) {
      return new byte[0];
    }
    int n;
    try {
      n = loop.transfer().read(fd, SCRATCH, 0, limit);
    } catch (LinuxException e) {
      // EIO: the last process closed its end of the terminal.
      n = Fd.END;
    }
    if (n == Fd.WOULD_BLOCK && !writersLeft) {
      return null;
    }
    if (n < 0) {
      finish();
      return new byte[0];
    }
    return Arrays.copyOf(SCRATCH, n);
  }

  private void finish() {
    close();
    loop.later(changed);
  }

  private void watch() {
    if (!watched && fd != null) {
      watched = true;
      loop.watch(fd, Epoll.IN, events -> serve());
    }
  }

  private void unwatch() {
    if (watched && fd != null) {
      watched = false;
      loop.forget(fd);
    }
  }

  /**
   * The process has ended: looks whether the stream has, too. Only who reads can tell otherwise.
   *
   * @return whether nothing is left to read
   */
  boolean isDrained() {
    if (fd == null) {
      return true;
    }
    int events = Poll.await(fd, Epoll.IN, 0);
    boolean over = writersLeft || (events & (Epoll.HUP | Epoll.ERR)) != 0;
    if ((events & Epoll.IN) == 0 && over) {
      close();
      serve();
      return true;
    }
    return false;
  }

  /** Other processes may keep the stream open for ever: from now on it ends where it is empty. */
  void endWhenEmpty() {
    writersLeft = true;
    serve();
  }

  /** Closes the stream; reads that wait are answered with its end. */
  void close() {
    unwatch();
    if (fd != null) {
      fd.close();
      fd = null;
    }
  }

  /** {@link #close}, and tells the readers. */
  void abandon() {
    close();
    serve();
  }
}
