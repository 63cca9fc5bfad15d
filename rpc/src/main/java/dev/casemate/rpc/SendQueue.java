package dev.casemate.rpc;

import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Frames on their way out, at most {@link #MAX_BYTES} of them, and the thread that writes them. A
 * thread of its own, because a peer that does not read blocks the writer, and calls must end in
 * time all the same.
 */
final class SendQueue {
  static final int MAX_BYTES = 2 * Frame.MAX_DATA;

  /** The most that goes out in one call: some guests' vsock devices lose larger packets. */
  static final int MAX_WRITE = 32 << 10;

  private final Channel channel;
  private final ArrayDeque<byte[]> frames = new ArrayDeque<>();
  private int bytes;
  private boolean closed;
  private @Nullable Thread holder;

  SendQueue(Channel channel) {
    this.channel = channel;
  }

  /**
   * Sets a frame's stream id when its place in the queue is sure: the ids on the wire must rise.
   */
  interface Numbering {
    /** Returns whether the frame may be sent. */
    boolean number(byte[] frame);
  }

  /**
   * Adds a frame, waiting for room.
   *
   * @return false if there was none in time, or the queue is closed
   */
  synchronized boolean add(byte[] frame, Deadline deadline, Numbering numbering)
      throws InterruptedException {
    while (!closed && (isHeld() || bytes > 0 && bytes + frame.length > MAX_BYTES)) {
      if (!deadline.waitOn(this)) {
        return false;
      }
    }
    if (closed || !numbering.number(frame)) {
      return false;
    }
    frames.add(frame);
    bytes += frame.length;
    notifyAll();
    return true;
  }

  private boolean isHeld() {
    return holder != null && !holder.equals(Thread.currentThread());
  }

  /** Takes frames from this thread only; others wait. */
  synchronized void hold() {
    holder = Thread.currentThread();
  }

  synchronized void release() {
    holder = null;
    notifyAll();
  }

  /** Takes a frame back that is not being written yet. */
  synchronized void remove(byte[] frame) {
    if (frames.remove(frame)) {
      bytes -= frame.length;
      notifyAll();
    }
  }

  synchronized boolean isClosed() {
    return closed;
  }

  synchronized void close() {
    closed = true;
    frames.clear();
    bytes = 0;
    notifyAll();
  }

  /** Writes until the queue is closed or the channel fails. */
  void run() throws InterruptedException {
    while (true) {
      byte[] frame;
      synchronized (this) {
        while (!closed && frames.isEmpty()) {
          wait();
        }
        if (closed) {
          return;
        }
        frame = frames.remove();
      }
      write(channel, frame);
      synchronized (this) {
        if (!closed) {
          bytes -= frame.length;
          notifyAll();
        }
      }
    }
  }

  /** Writes a frame in pieces that every channel takes. */
  static void write(Channel channel, byte[] frame) {
    for (int off = 0; off < frame.length; off += MAX_WRITE) {
      channel.write(frame, off, Math.min(MAX_WRITE, frame.length - off));
    }
  }
}
