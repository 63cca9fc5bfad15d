package dev.casemate.agent;

import dev.casemate.linux.Epoll;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protobuf.ProtoWriter;
import dev.casemate.protocol.agent.ReadStreamResponse;
import dev.casemate.rpc.Frame;
import dev.casemate.rpc.FrameDecoder;
import dev.casemate.rpc.FrameHandler;
import dev.casemate.rpc.Responder;
import dev.casemate.rpc.RpcStatus;
import dev.casemate.rpc.TtrpcSession;
import java.util.Optional;

/**
 * The connection to the sandbox process on the host: ttrpc frames on a byte stream. A socket ends
 * with its host. A port stays open while hosts come and go.
 *
 * <p>A port is watched edge-triggered: without a host it reports a hang-up all the time, and only
 * changes are of interest. One host may follow another so quickly that the gap goes unnoticed; a
 * stream id that does not rise, as ttrpc's do, tells it.
 */
final class HostConnection implements FrameHandler, HostEnd {
  private static final int CHUNK = Transfer.LIMIT;
  private static final int READS_A_TURN = 16;
  private static final int REQUESTS_IN_FLIGHT = 1024;
  private static final int SMALL = 128;

  /** Of a field with 16 KiB of data or more: one byte of tag, three of length. */
  private static final int LARGE_FIELD_HEADER = 4;

  /** Carries out one request. */
  interface Service {
    void call(String service, String method, byte[] payload, Answer answer);
  }

  private final Loop loop;
  private final Console console;
  private final Fd port;
  private final Service service;
  private final Optional<Runnable> ended;
  private final byte[] buffer = new byte[CHUNK];
  private TtrpcSession session;
  private FrameDecoder decoder = new FrameDecoder();
  private int lastStreamId;
  private boolean scheduled;
  private boolean over;

  /** By a port. */
  HostConnection(Loop loop, Console console, Fd port, Service service) {
    this(loop, console, port, service, Optional.empty());
  }

  /**
   * By a socket, which is closed at the end.
   *
   * @param ended is called then
   */
  HostConnection(Loop loop, Console console, Fd socket, Service service, Runnable ended) {
    this(loop, console, socket, service, Optional.of(ended));
  }

  private HostConnection(
      Loop loop, Console console, Fd port, Service service, Optional<Runnable> ended) {
    this.loop = loop;
    this.console = console;
    this.port = port;
    this.service = service;
    this.ended = ended;
    this.session = newSession();
  }

  private TtrpcSession newSession() {
    return new TtrpcSession(this::dispatch, REQUESTS_IN_FLIGHT);
  }

  private void dispatch(String name, String method, byte[] payload, Responder responder) {
    Answer answer = new HostAnswer(session, responder);
    try {
      service.call(name, method, payload, answer);
    } catch (Throwable e) {
      if (!responder.isDone()) {
        answer.fail(e);
      } else {
        console.last("unexpected error after the answer to " + method, e);
      }
    }
  }

  @Override
  public void start() {
    loop.watch(port, Epoll.IN | Epoll.OUT | Loop.EDGE, events -> turn());
    schedule();
  }

  @Override
  public boolean isFlushed() {
    return session.outputBytes() == 0;
  }

  private void schedule() {
    if (!scheduled) {
      scheduled = true;
      loop.later(this::turn);
    }
  }

  private void turn() {
    scheduled = false;
    if (over) {
      return;
    }
    try {
      transfer();
      session.drain(this::write);
    } catch (MalformedMessageException e) {
      console.warn("the host sent data that is not ttrpc; restarting the connection", e);
      if (ended.isEmpty()) {
        discardInput();
      }
      forgetHost();
    } catch (LinuxException e) {
      if (ended.isEmpty()) {
        console.warn("the connection to the host failed", e);
      }
      forgetHost();
    }
  }

  private void transfer() {
    for (int i = 0; i < READS_A_TURN; i++) {
      session.drain(this::write);
      if (!session.wantsInput()) {
        return;
      }
      int n = loop.transfer().read(port, buffer, 0, CHUNK);
      if (n == Fd.WOULD_BLOCK) {
        return;
      }
      if (n == Fd.END) {
        forgetHost();
        return;
      }
      decoder.feed(buffer, 0, n, this);
    }
    schedule();
  }

  private void discardInput() {
    for (int i = 0; i < 1024 && loop.transfer().read(port, buffer, 0, CHUNK) > 0; i++) {
      // What follows a malformed frame cannot be told apart.
    }
  }

  @Override
  public void frame(Frame frame) {
    if (frame.streamId() <= lastStreamId) {
      nextHost();
    }
    lastStreamId = frame.streamId();
    session.frame(frame);
  }

  @Override
  public void oversized(int streamId, int type, int length) {
    session.oversized(streamId, type, length);
  }

  /** The connection is gone, and half a frame with it. */
  private void forgetHost() {
    decoder = new FrameDecoder();
    nextHost();
    if (ended.isPresent()) {
      over = true;
      session.close();
      loop.forget(port);
      port.close();
      loop.later(ended.get());
    }
  }

  private void nextHost() {
    if (lastStreamId != 0) {
      session.close();
      session = newSession();
      lastStreamId = 0;
    }
  }

  private int write(byte[] bytes, int offset, int length) {
    int n = loop.transfer().write(port, bytes, offset, length);
    return n == Fd.WOULD_BLOCK ? 0 : n;
  }

  private final class HostAnswer implements Answer {
    private final TtrpcSession from;
    private final Responder responder;

    private HostAnswer(TtrpcSession from, Responder responder) {
      this.from = from;
      this.responder = responder;
    }

    @Override
    public void ok(ProtoMessage message) {
      responder.reply(encode(message));
      schedule();
    }

    /** Streams' bytes are not copied more often than need be. */
    private static byte[] encode(ProtoMessage message) {
      if (message instanceof ReadStreamResponse response && response.data().length > SMALL) {
        ProtoWriter writer = new ProtoWriter(response.data().length + LARGE_FIELD_HEADER);
        response.write(writer);
        return writer.toByteArray();
      }
      return message.encode();
    }

    @Override
    public void fail(Throwable cause) {
      RpcStatus status = Failures.status(cause);
      if (status == RpcStatus.INTERNAL && !(cause instanceof LinuxException)) {
        console.last("a request failed unexpectedly", cause);
      }
      responder.fail(status, Failures.message(cause));
      schedule();
    }

    @Override
    public boolean isWanted() {
      return from == session && !responder.isDone();
    }
  }
}
