package dev.casemate.rpc;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protobuf.ProtoReader;
import java.util.ArrayDeque;
import java.util.Queue;

/** A whole server and the envelopes of both directions, fed by a hostile peer. */
@Fuzzes({RpcRequest.class, RpcResponse.class, TtrpcSession.class, ProtoReader.class})
public final class RpcFuzz {
  private static final int IN_FLIGHT = 4;

  private RpcFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Expect.parsed(() -> RpcResponse.decode(data), MalformedMessageException.class);
    Expect.parsed(
        () -> RpcRequest.of(new Frame(1, Frame.REQUEST, 0, data)),
        RpcException.class,
        MalformedMessageException.class);
    serve(new Input(data));
  }

  private static void serve(Input input) {
    int mode = input.next();
    Queue<Responder> waiting = new ArrayDeque<>();
    TtrpcSession session =
        new TtrpcSession(
            (service, method, payload, responder) -> {
              if ((mode & 1) == 0) {
                responder.reply(payload);
              } else {
                waiting.add(responder);
              }
            },
            IN_FLIGHT);
    try {
      while (input.hasMore()) {
        byte[] piece = input.piece();
        session.feed(piece, 0, piece.length);
        Expect.that(session.inFlight() <= IN_FLIGHT, "in flight ", session.inFlight());
        if (waiting.size() >= IN_FLIGHT) {
          waiting.remove().fail(RpcStatus.INTERNAL, "late");
        }
      }
    } catch (MalformedMessageException e) {
      session.close();
    }
    Expect.that(session.drain((b, off, len) -> len), "output is left");
    Expect.that(session.outputBytes() == 0, "bytes are left ", session.outputBytes());
  }
}
