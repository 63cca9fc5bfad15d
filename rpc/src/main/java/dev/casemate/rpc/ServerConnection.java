package dev.casemate.rpc;

import java.util.ArrayDeque;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/**
 * One client of a {@link TtrpcServer}. A call counts as in flight until its answer is being
 * written, and the reader itself writes the refusals; so a client that does not read soon finds
 * that it is not read either. It keeps one thread from other clients' calls, not one for each of
 * its answers: who finds a writer at work leaves the answer to that one.
 */
final class ServerConnection implements FrameHandler {
  private final Channel channel;
  private final Map<String, RpcService> services;
  private final Executor workers;
  private final int maxInFlight;

  /** The most that waits to be written: two of the largest answers. */
  private static final int MAX_WAITING_BYTES = 2 * Frame.MAX_DATA;

  private final ArrayDeque<Answer> answers = new ArrayDeque<>();
  private int waitingBytes;
  private boolean writing;
  private boolean broken;
  private final Object counting = new Object();
  private int inFlight;

  ServerConnection(
      Channel channel, Map<String, RpcService> services, Executor workers, int maxInFlight) {
    this.channel = channel;
    this.services = services;
    this.workers = workers;
    this.maxInFlight = maxInFlight;
  }

  /** Reads until the client is gone. */
  void run() {
    byte[] buffer = new byte[SendQueue.MAX_WRITE];
    FrameDecoder decoder = new FrameDecoder();
    int count;
    while ((count = channel.read(buffer, 0, buffer.length)) > 0) {
      decoder.feed(buffer, 0, count, this);
    }
  }

  void close() {
    channel.close();
  }

  @Override
  public void frame(Frame frame) {
    if (frame.type() != Frame.REQUEST) {
      return;
    }
    int streamId = frame.streamId();
    if (!begin()) {
      refuse(
          streamId,
          RpcStatus.RESOURCE_EXHAUSTED,
          "more than " + maxInFlight + " requests are in flight on this connection");
      return;
    }
    try {
      RpcRequest request = RpcRequest.of(frame);
      workers.execute(() -> work(streamId, request));
    } catch (RpcException e) {
      end();
      refuse(streamId, e.status(), e.text());
    } catch (RejectedExecutionException e) {
      end();
      refuse(streamId, RpcStatus.RESOURCE_EXHAUSTED, "no thread is free for the request");
    }
  }

  @Override
  public void oversized(int streamId, int type, int length) {
    if (type == Frame.REQUEST) {
      refuse(
          streamId,
          RpcStatus.RESOURCE_EXHAUSTED,
          "the request has " + length + " bytes, at most " + Frame.MAX_DATA + " are taken");
    }
  }

  private void work(int streamId, RpcRequest request) {
    send(answer(streamId, request), true);
  }

  private byte[] answer(int streamId, RpcRequest request) {
    RpcService service = services.get(request.service());
    if (service == null) {
      return RpcResponse.errorFrame(
          streamId,
          RpcStatus.UNIMPLEMENTED,
          "service " + request.service() + " is not implemented here");
    }
    try {
      return RpcResponse.frame(
          streamId, service.call(request.method(), request.payload(), request.context()));
    } catch (RuntimeException | Error e) {
      RpcException error = RpcResponse.error(e);
      return RpcResponse.errorFrame(streamId, error.status(), error.text());
    }
  }

  private void refuse(int streamId, RpcStatus status, String message) {
    send(RpcResponse.errorFrame(streamId, status, message), false);
  }

  /** A frame on its way out, and whether a call ends with it. */
  private record Answer(byte[] frame, boolean endsCall) {}

  private void send(byte[] frame, boolean endsCall) {
    synchronized (answers) {
      // The reader waits with its refusals until there is nothing before them.
      while (!endsCall && writing && !broken) {
        try {
          answers.wait();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          broken = true;
        }
      }
      if (broken || (writing && waitingBytes + frame.length > MAX_WAITING_BYTES)) {
        fail();
        return;
      }
      answers.add(new Answer(frame, endsCall));
      waitingBytes += frame.length;
      if (writing) {
        return;
      }
      writing = true;
    }
    write();
  }

  private void write() {
    try {
      while (true) {
        Answer next;
        synchronized (answers) {
          next = broken ? null : answers.poll();
          if (next == null) {
            writing = false;
            answers.notifyAll();
            return;
          }
          waitingBytes -= next.frame.length;
        }
        if (next.endsCall) {
          // Before the client has the answer, else it could be refused a call that it makes for
          // this one; what waits for its turn to write still counts.
          end();
        }
        SendQueue.write(channel, next.frame);
      }
    } catch (RuntimeException e) {
      // The client is gone or half a frame is out: nothing can be said on this connection any more.
      synchronized (answers) {
        writing = false;
        fail();
      }
    }
  }

  /** The reader ends with the channel. */
  private void fail() {
    broken = true;
    answers.clear();
    waitingBytes = 0;
    answers.notifyAll();
    channel.close();
  }

  private boolean begin() {
    synchronized (counting) {
      if (inFlight >= maxInFlight) {
        return false;
      }
      inFlight++;
      return true;
    }
  }

  private void end() {
    synchronized (counting) {
      inFlight--;
    }
  }
}
