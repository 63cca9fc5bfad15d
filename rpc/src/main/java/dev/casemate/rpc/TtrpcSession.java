package dev.casemate.rpc;

import java.util.ArrayDeque;
import java.util.Map;

/**
 * A server's side of one connection for a loop with one thread: no threads, no locks, no I/O. The
 * loop feeds it what it reads and drains its output when the connection can be written. It should
 * stop reading while {@link #wantsInput} is false, else a client that does not read makes the
 * output grow.
 */
public final class TtrpcSession implements FrameHandler {
  /** Bytes of output above which the loop should stop reading. */
  public static final int OUTPUT_HIGH_WATER = 1 << 20;

  private final Dispatcher dispatcher;
  private final int maxInFlight;
  private final FrameDecoder decoder = new FrameDecoder();
  private final ArrayDeque<byte[]> output = new ArrayDeque<>();
  private int headOffset;
  private int outputBytes;
  private int inFlight;
  private boolean closed;

  /**
   * A session at a connection's beginning.
   *
   * @param dispatcher carries out the requests
   * @param maxInFlight requests that may wait for their answers; more are answered with
   *     RESOURCE_EXHAUSTED
   */
  public TtrpcSession(Dispatcher dispatcher, int maxInFlight) {
    this.dispatcher = dispatcher;
    this.maxInFlight = maxInFlight;
  }

  /**
   * Takes bytes that were read.
   *
   * @throws MalformedMessageException if they are not ttrpc; the loop should close the connection
   */
  public void feed(byte[] b, int off, int len) {
    decoder.feed(b, off, len, this);
  }

  /** Bytes that wait to be written. */
  public int outputBytes() {
    return outputBytes;
  }

  /** Requests without an answer. */
  public int inFlight() {
    return inFlight;
  }

  /** Whether the loop should continue to read. */
  public boolean wantsInput() {
    return outputBytes < OUTPUT_HIGH_WATER;
  }

  /**
   * Writes output, at most 32 KiB per call, until there is none left or the sink accepts no more.
   *
   * @return whether all is written
   */
  public boolean drain(ByteSink sink) {
    byte[] head;
    while ((head = output.peek()) != null) {
      int count =
          sink.write(head, headOffset, Math.min(SendQueue.MAX_WRITE, head.length - headOffset));
      if (count <= 0) {
        return false;
      }
      headOffset += count;
      outputBytes -= count;
      if (headOffset == head.length) {
        output.remove();
        headOffset = 0;
      }
    }
    return true;
  }

  /** Drops the output and all answers to come; for a connection that has ended. */
  public void close() {
    closed = true;
    output.clear();
    outputBytes = 0;
    headOffset = 0;
  }

  /** For the decoder only. */
  @Override
  public void frame(Frame frame) {
    if (closed || frame.type() != Frame.REQUEST) {
      return;
    }
    if (inFlight >= maxInFlight) {
      send(
          RpcResponse.errorFrame(
              frame.streamId(),
              RpcStatus.RESOURCE_EXHAUSTED,
              "more than " + maxInFlight + " requests are in flight on this connection"));
      return;
    }
    Call call = new Call(frame.streamId());
    try {
      RpcRequest request = RpcRequest.of(frame);
      call.context = request.context();
      dispatcher.dispatch(request.service(), request.method(), request.payload(), call);
    } catch (RuntimeException | Error e) {
      if (!call.done) {
        RpcException error = RpcResponse.error(e);
        call.fail(error.status(), error.text());
      }
    }
  }

  /** For the decoder only. */
  @Override
  public void oversized(int streamId, int type, int length) {
    if (type == Frame.REQUEST) {
      send(
          RpcResponse.errorFrame(
              streamId,
              RpcStatus.RESOURCE_EXHAUSTED,
              "the request has " + length + " bytes, at most " + Frame.MAX_DATA + " are accepted"));
    }
  }

  private void send(byte[] frame) {
    if (!closed) {
      output.add(frame);
      outputBytes += frame.length;
    }
  }

  private final class Call implements Responder {
    private static final RpcContext NOTHING = new RpcContext(0, Map.of());

    private final int streamId;
    private RpcContext context = NOTHING;
    private boolean done;

    Call(int streamId) {
      this.streamId = streamId;
      inFlight++;
    }

    @Override
    public RpcContext context() {
      return context;
    }

    @Override
    public void reply(byte[] payload) {
      end();
      send(RpcResponse.frame(streamId, payload));
    }

    @Override
    public void fail(RpcStatus status, String message) {
      end();
      send(RpcResponse.errorFrame(streamId, status, message));
    }

    @Override
    public boolean isDone() {
      return done;
    }

    private void end() {
      if (done) {
        throw new IllegalStateException("stream " + streamId + " was answered before");
      }
      done = true;
      inFlight--;
    }
  }
}
