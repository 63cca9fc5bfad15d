package dev.casemate.rpc;

import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protobuf.ProtoMessage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Calls services over one connection, from any number of threads at a time. Two daemon threads read
 * and write. The server may be hostile: what is held for it is bounded by one frame and the answers
 * of calls that wait, and calls end in time whether it reads or not.
 */
public final class TtrpcClient implements AutoCloseable {
  private static final int STACK_BYTES = 256 << 10;

  /** A hundred years: what can be said in nanoseconds on the wire. */
  private static final long MAX_TIMEOUT_MILLIS = 100L * 365 * 24 * 3600 * 1000;

  /**
   * Answers that nobody waits for, beyond those of calls that were given up. An honest server sends
   * none; one that sends them for ever would keep this side busy for ever.
   */
  private static final int UNASKED_LIMIT = 1024;

  private final Channel channel;
  private final String peer;
  private final int maxAnswer;
  private final SendQueue queue;

  /** Calls that were sent, by stream id. Guards itself, nextStreamId, lost and loss cause. */
  private final Map<Integer, PendingCall> pending = new HashMap<>();

  private int nextStreamId = 1;
  private int unasked;
  private @Nullable String lost;
  private @Nullable Throwable lossCause;

  /**
   * A client of a connected channel, which it owns from now on.
   *
   * @param channel the connection
   * @param peer the server's name in messages, such as "the agent of sandbox 1a2b"
   */
  public TtrpcClient(Channel channel, String peer) {
    this(channel, peer, Frame.MAX_DATA);
  }

  /**
   * A client of a server whose answers are short.
   *
   * @param maxAnswer the most bytes that are taken of one; calls with a longer answer fail with
   *     RESOURCE_EXHAUSTED
   */
  public TtrpcClient(Channel channel, String peer, int maxAnswer) {
    this.maxAnswer = maxAnswer;
    this.channel = channel;
    this.peer = peer;
    this.queue = new SendQueue(channel);
    daemon("rpc-reader", this::read);
    daemon("rpc-writer", this::write);
  }

  /** As the longer {@link #call(String, String, byte[], long, Map)}, without metadata. */
  public byte[] call(String service, String method, byte[] payload, long timeoutMillis) {
    return call(service, method, payload, timeoutMillis, Map.of());
  }

  /**
   * Calls a method and waits for the answer.
   *
   * @param service the service's full name
   * @param method the method's name
   * @param payload the request, encoded
   * @param timeoutMillis maximum time to wait, also sent to the server; 0 waits forever
   * @param metadata metadata of the request, such as containerd-namespace-ttrpc
   * @return the response, encoded
   * @throws RpcException with the server's status and message; DEADLINE_EXCEEDED if no answer came
   *     in time; RESOURCE_EXHAUSTED if the request is larger than 4 MiB; CANCELLED if the thread
   *     was interrupted, whose flag is set again
   * @throws ConnectionLostException if the connection is closed or breaks
   */
  public byte[] call(
      String service,
      String method,
      byte[] payload,
      long timeoutMillis,
      Map<String, String> metadata) {
    if (timeoutMillis < 0) {
      throw new IllegalArgumentException(
          "timeoutMillis is " + timeoutMillis + "; expected 0 for none, or more");
    }
    if (timeoutMillis > MAX_TIMEOUT_MILLIS) {
      return call(service, method, payload, MAX_TIMEOUT_MILLIS, metadata);
    }
    Deadline deadline = new Deadline(timeoutMillis);
    byte[] frame = RpcRequest.frame(service, method, payload, timeoutMillis * 1_000_000, metadata);
    PendingCall call = new PendingCall(service + "/" + method);
    try {
      boolean queued = queue.add(frame, deadline, f -> number(call, f));
      if (!queued && queue.isClosed()) {
        loseToo(call);
      }
      if (queued ? call.await(deadline) : call.isLost()) {
        return call.result();
      }
    } catch (InterruptedException e) {
      forget(call, frame);
      Thread.currentThread().interrupt();
      throw new RpcException(
          RpcStatus.CANCELLED,
          "the thread that called " + service + "/" + method + " was interrupted",
          e);
    }
    forget(call, frame);
    throw new RpcException(
        RpcStatus.DEADLINE_EXCEEDED,
        peer + " did not answer " + service + "/" + method + " within " + timeoutMillis + " ms");
  }

  /**
   * From now on only the calling thread's requests are sent, until {@link #release}; those of
   * others wait, within their time limits. An answer to the caller's next request says that the
   * server has all that was sent before.
   */
  public void hold() {
    queue.hold();
  }

  /** Ends {@link #hold}. */
  public void release() {
    queue.release();
  }

  /** Whether calls can be made; permanently false once the connection has ended. */
  public boolean isOpen() {
    return !queue.isClosed();
  }

  /** Why the connection ended; empty as long as it has not. */
  public Optional<String> lossReason() {
    synchronized (pending) {
      return Optional.ofNullable(lost);
    }
  }

  /** Closes the connection; calls under way fail with {@link ConnectionLostException}. */
  @Override
  public void close() {
    lose("the connection to " + peer + " was closed on this side", null);
  }

  /**
   * Closes the connection because of what the other end did; calls under way and later ones fail
   * with this reason.
   */
  public void abandon(String reason) {
    lose(reason, null);
  }

  private boolean number(PendingCall call, byte[] frame) {
    synchronized (pending) {
      String reason = lost;
      if (reason == null && nextStreamId < 0) {
        // Ids must not come again on a connection; there are 2^30 of them.
        reason = "the connection to " + peer + " has no more stream ids; connect again";
      }
      if (reason != null) {
        call.lose(reason, lossCause);
        return false;
      }
      call.streamId = nextStreamId;
      nextStreamId += 2;
      pending.put(call.streamId, call);
    }
    Frame.putHeader(frame, call.streamId, Frame.REQUEST);
    return true;
  }

  private void forget(PendingCall call, byte[] frame) {
    queue.remove(frame);
    synchronized (pending) {
      if (pending.remove(call.streamId, call)) {
        // Its answer may still come.
        unasked--;
      }
    }
  }

  private void loseToo(PendingCall call) {
    synchronized (pending) {
      call.lose(lost == null ? "the connection to " + peer + " is closed" : lost, lossCause);
    }
  }

  private void read() {
    byte[] buffer = new byte[SendQueue.MAX_WRITE];
    FrameDecoder decoder = new FrameDecoder(maxAnswer);
    FrameHandler handler = new Answers();
    String reason = peer + " broke the connection";
    Throwable cause = null;
    try {
      int count;
      while ((count = channel.read(buffer, 0, buffer.length)) > 0) {
        decoder.feed(buffer, 0, count, handler);
      }
      reason =
          peer + " closed the connection" + (decoder.midFrame() ? " in the middle of a frame" : "");
    } catch (MalformedMessageException e) {
      reason = peer + " sent data that is not ttrpc: " + e.getMessage();
      cause = e;
    } catch (RuntimeException e) {
      reason = "the connection to " + peer + " broke: " + e.getMessage();
      cause = e;
    } finally {
      lose(reason, cause);
    }
  }

  private void write() {
    String reason = "the writer of the connection to " + peer + " ended";
    Throwable cause = null;
    try {
      queue.run();
    } catch (InterruptedException e) {
      cause = e;
    } catch (RuntimeException e) {
      reason = "the connection to " + peer + " broke: " + e.getMessage();
      cause = e;
    } finally {
      lose(reason, cause);
    }
  }

  private void lose(String reason, @Nullable Throwable cause) {
    List<PendingCall> calls;
    synchronized (pending) {
      if (lost == null) {
        lost = reason;
        lossCause = cause;
      }
      calls = new ArrayList<>(pending.values());
      pending.clear();
    }
    queue.close();
    for (PendingCall call : calls) {
      call.lose(reason, cause);
    }
    channel.close();
  }

  private static void daemon(String name, Runnable body) {
    Thread thread = new Thread(null, body, name, STACK_BYTES);
    thread.setDaemon(true);
    thread.start();
  }

  /** Hands answers to the calls that wait for them; passes over all else. */
  private final class Answers implements FrameHandler {
    @Override
    public void frame(Frame frame) {
      PendingCall call = frame.type() == Frame.RESPONSE ? take(frame.streamId()) : unasked();
      if (call == null) {
        return;
      }
      RpcResponse response;
      try {
        response = RpcResponse.decode(frame.data());
      } catch (MalformedMessageException e) {
        response =
            new RpcResponse(
                RpcStatus.INTERNAL,
                peer + " sent a malformed response: " + e.getMessage(),
                ProtoMessage.NO_BYTES);
      }
      call.answer(response);
    }

    @Override
    public void oversized(int streamId, int type, int length) {
      PendingCall call = take(streamId);
      if (call != null) {
        String message =
            peer
                + " sent a response of "
                + length
                + " bytes, at most "
                + maxAnswer
                + " are accepted";
        call.answer(new RpcResponse(RpcStatus.RESOURCE_EXHAUSTED, message, ProtoMessage.NO_BYTES));
      }
    }

    private @Nullable PendingCall take(int streamId) {
      synchronized (pending) {
        PendingCall call = pending.remove(streamId);
        return call == null ? unasked() : call;
      }
    }

    private @Nullable PendingCall unasked() {
      synchronized (pending) {
        if (++unasked > UNASKED_LIMIT) {
          throw new MalformedMessageException(
              "more than " + UNASKED_LIMIT + " frames that match no request");
        }
        return null;
      }
    }
  }
}
