package dev.casemate.rpc;

import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * A server's answers on their way to one client. Whoever adds one while nobody writes, writes, and
 * goes on with what others add meanwhile: an answer costs no change of threads, and a client that
 * does not read holds up one thread, not one for every call that it has made.
 */
final class AnswerQueue {
  /** Unsent bytes above which no more requests are read. */
  static final int HIGH_WATER = 256 << 10;

  /** Unsent bytes above which answers wait, and with them their threads. */
  static final int MAX_BYTES = 2 * Frame.MAX_DATA;

  private final Channel channel;
  private final ArrayDeque<byte[]> frames = new ArrayDeque<>();
  private int bytes;
  private boolean writing;
  private boolean closed;

  AnswerQueue(Channel channel) {
    this.channel = channel;
  }

  /**
   * Sends an answer, or leaves it to who writes already. Waits while too much is unsent.
   *
   * @param added runs once the answer has its place, and before the client can have it; also if it
   *     gets none because the connection has ended
   */
  void send(byte[] frame, Runnable added) {
    synchronized (this) {
      boolean room = awaitBelow(MAX_BYTES - frame.length);
      added.run();
      if (!room) {
        return;
      }
      frames.add(frame);
      bytes += frame.length;
      if (writing) {
        return;
      }
      writing = true;
    }
    byte[] next;
    while ((next = next()) != null) {
      try {
        SendQueue.write(channel, next);
      } catch (RuntimeException | Error e) {
        // The client is gone, takes nothing, or half a frame is out: nothing can be said on this
        // connection any more. Its reader ends with it.
        close();
        return;
      }
      written(next);
    }
  }

  /** Waits until so little is unsent that more requests may be read; false if that is over. */
  synchronized boolean awaitRoom() {
    return awaitBelow(HIGH_WATER);
  }

  synchronized boolean isEmpty() {
    return bytes == 0;
  }

  private boolean awaitBelow(int limit) {
    boolean interrupted = false;
    while (!closed && bytes > 0 && bytes > limit) {
      try {
        wait();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return !closed;
  }

  private synchronized byte @Nullable [] next() {
    byte[] frame = closed ? null : frames.poll();
    if (frame == null) {
      writing = false;
    }
    return frame;
  }

  private synchronized void written(byte[] frame) {
    if (!closed) {
      bytes -= frame.length;
      notifyAll();
    }
  }

  /** Drops what is unsent and closes the channel, which wakes up who reads or writes. */
  void close() {
    synchronized (this) {
      closed = true;
      frames.clear();
      bytes = 0;
      notifyAll();
    }
    channel.close();
  }
}
