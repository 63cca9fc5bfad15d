package dev.casemate.rpc;

import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/**
 * One client of a {@link TtrpcServer}. The reader itself writes the refusals, and waits while too
 * many bytes are unsent; so a client that does not read soon finds that it is not read either.
 */
final class ServerConnection implements FrameHandler {
  /**
   * Bytes of requests that are carried out at a time: they are kept until they are answered. The
   * longest that an engine sends, a container's specification, has some ten thousand.
   */
  private static final int MAX_REQUEST_BYTES = 4 * Frame.MAX_DATA;

  private final Channel channel;
  private final Map<String, RpcService> services;
  private final Executor workers;
  private final int maxInFlight;
  private final CallQuota quota;
  private final AnswerQueue answers;
  private final Object counting = new Object();
  private volatile boolean hasAsked;
  private volatile boolean gone;
  private int inFlight;
  private int requestBytes;

  ServerConnection(
      Channel channel,
      Map<String, RpcService> services,
      Executor workers,
      int maxInFlight,
      CallQuota quota) {
    this.channel = channel;
    this.services = services;
    this.workers = workers;
    this.maxInFlight = maxInFlight;
    this.quota = quota;
    this.answers = new AnswerQueue(channel);
  }

  /** Reads until the client is gone, or the connection is closed. */
  void run() {
    byte[] buffer = new byte[SendQueue.MAX_WRITE];
    FrameDecoder decoder = new FrameDecoder();
    int count;
    while ((count = channel.read(buffer, 0, buffer.length)) > 0) {
      decoder.feed(buffer, 0, count, this);
    }
  }

  /** Whether a whole request has come, so that the client does speak ttrpc. */
  boolean hasAsked() {
    return hasAsked;
  }

  boolean hasUnsent() {
    return !answers.isEmpty();
  }

  void close() {
    gone = true;
    answers.close();
  }

  @Override
  public void frame(Frame frame) {
    if (frame.type() != Frame.REQUEST || !answers.awaitRoom()) {
      return;
    }
    int streamId = frame.streamId();
    int length = frame.data().length;
    String refusal = begin(length);
    if (!refusal.isEmpty()) {
      refuse(streamId, RpcStatus.RESOURCE_EXHAUSTED, refusal);
      return;
    }
    try {
      RpcRequest request = RpcRequest.of(frame);
      hasAsked = true;
      workers.execute(() -> work(streamId, request, length));
    } catch (RpcException e) {
      end(length);
      refuse(streamId, e.status(), e.text());
    } catch (RejectedExecutionException | OutOfMemoryError e) {
      // The second is what Java says if the system gives it no thread.
      end(length);
      refuse(streamId, RpcStatus.RESOURCE_EXHAUSTED, "no thread is free for the request");
    }
  }

  @Override
  public void oversized(int streamId, int type, int length) {
    if (type == Frame.REQUEST && answers.awaitRoom()) {
      refuse(
          streamId,
          RpcStatus.RESOURCE_EXHAUSTED,
          "the request has " + length + " bytes, at most " + Frame.MAX_DATA + " are accepted");
    }
  }

  private void work(int streamId, RpcRequest request, int length) {
    // Ended before the client has the answer, else it could be refused a call that it makes for
    // this one.
    answers.send(answer(streamId, request), () -> end(length));
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
      byte[] response = service.call(request.method(), request.payload(), request.context());
      if (gone) {
        service.unheard(request.method(), request.payload());
      }
      return RpcResponse.frame(streamId, response);
    } catch (RuntimeException | Error e) {
      RpcException error = RpcResponse.error(e);
      return RpcResponse.errorFrame(streamId, error.status(), error.text());
    }
  }

  private void refuse(int streamId, RpcStatus status, String message) {
    answers.send(RpcResponse.errorFrame(streamId, status, message), () -> {});
  }

  /** Counts a call; what forbids it, or an empty text. */
  private String begin(int length) {
    synchronized (counting) {
      if (inFlight >= maxInFlight) {
        return "more than " + maxInFlight + " requests are in flight on this connection";
      }
      if (inFlight > 0 && requestBytes + length > MAX_REQUEST_BYTES) {
        return "the requests in flight on this connection have more than "
            + MAX_REQUEST_BYTES
            + " bytes";
      }
      if (!quota.take(inFlight)) {
        return inFlight + " requests are in flight on this connection, and too many on others";
      }
      inFlight++;
      requestBytes += length;
      return "";
    }
  }

  private void end(int length) {
    synchronized (counting) {
      quota.giveBack(inFlight);
      inFlight--;
      requestBytes -= length;
    }
  }
}
