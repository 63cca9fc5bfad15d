package dev.casemate.rpc;

import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protobuf.ProtoReader;
import dev.casemate.protobuf.ProtoWriter;

/**
 * The message in a response's frame (containerd/ttrpc, request.proto): status = 1, which is
 * google.rpc.Status with code = 1 and message = 2, and payload = 2. Details of a status are passed
 * over.
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
record RpcResponse(RpcStatus status, String message, byte[] payload) {
  /** Characters of an error's message that are kept. */
  private static final int MAX_MESSAGE = 4096;

  /**
   * Reads a response.
   *
   * @throws MalformedMessageException if it is none
   */
  static RpcResponse decode(byte[] data) {
    RpcStatus status = RpcStatus.OK;
    String message = "";
    byte[] payload = ProtoMessage.NO_BYTES;
    ProtoReader r = new ProtoReader(data);
    int tag;
    while ((tag = r.tag()) != 0) {
      switch (tag) {
        case 10 -> {
          int outer = r.enter();
          int inner;
          while ((inner = r.tag()) != 0) {
            switch (inner) {
              case 8 -> status = RpcStatus.of(r.varint32());
              case 18 -> message = r.string();
              default -> r.skip(inner);
            }
          }
          r.leave(outer);
        }
        case 18 -> payload = r.bytes();
        default -> r.skip(tag);
      }
    }
    return new RpcResponse(status, cut(message), payload);
  }

  /** A whole frame with a response; with an error instead if the payload is too large. */
  static byte[] frame(int streamId, byte[] payload) {
    ProtoWriter w = header(payload.length + 16);
    w.bytes(2, payload);
    int length = w.size() - Frame.HEADER_LENGTH;
    if (length > Frame.MAX_DATA) {
      return errorFrame(
          streamId,
          RpcStatus.RESOURCE_EXHAUSTED,
          "the response has " + length + " bytes, at most " + Frame.MAX_DATA + " can be sent");
    }
    return finish(w, streamId);
  }

  /** A whole frame with an error. */
  static byte[] errorFrame(int streamId, RpcStatus status, String message) {
    ProtoWriter w = header(256);
    int start = w.begin(1);
    w.int32(1, status.code());
    w.string(2, cut(message));
    w.end(start);
    return finish(w, streamId);
  }

  /** What to answer when a service throws. */
  static RpcException error(Throwable e) {
    if (e instanceof RpcException rpc) {
      return rpc;
    }
    if (e instanceof MalformedMessageException) {
      return new RpcException(
          RpcStatus.INVALID_ARGUMENT, "the request is malformed: " + e.getMessage(), e);
    }
    String message = e.getMessage();
    return new RpcException(
        e instanceof Error ? RpcStatus.INTERNAL : RpcStatus.UNKNOWN,
        message == null ? e.getClass().getName() : message,
        e);
  }

  static ProtoWriter header(int capacity) {
    ProtoWriter w = new ProtoWriter(capacity + Frame.HEADER_LENGTH);
    for (int i = 0; i < Frame.HEADER_LENGTH; i++) {
      w.raw(0);
    }
    return w;
  }

  private static byte[] finish(ProtoWriter w, int streamId) {
    byte[] frame = w.toByteArray();
    Frame.putHeader(frame, streamId, Frame.RESPONSE);
    return frame;
  }

  private static String cut(String message) {
    return message.length() <= MAX_MESSAGE ? message : message.substring(0, MAX_MESSAGE);
  }
}
