package dev.casemate.rpc;

import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protobuf.ProtoReader;
import dev.casemate.protobuf.ProtoWriter;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The message in a request's frame (containerd/ttrpc, request.proto): service = 1, method = 2,
 * payload = 3, timeout_nano = 4, metadata = 5.
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
record RpcRequest(String service, String method, byte[] payload, RpcContext context) {
  /** Names and values of metadata that are kept; a hostile sender may send more. */
  private static final int MAX_METADATA = 256;

  /**
   * Reads a request.
   *
   * @throws RpcException with the status to answer with, if the frame is no unary request
   */
  static RpcRequest of(Frame frame) {
    if ((frame.streamId() & 1) == 0) {
      throw new RpcException(
          RpcStatus.INVALID_ARGUMENT,
          "stream id "
              + Integer.toUnsignedString(frame.streamId())
              + " is even; a client's are odd");
    }
    if ((frame.flags() & Frame.REMOTE_OPEN) != 0) {
      throw new RpcException(
          RpcStatus.UNIMPLEMENTED, "streams are not implemented here; send a unary request");
    }
    try {
      return decode(frame.data());
    } catch (MalformedMessageException e) {
      throw new RpcException(
          RpcStatus.INVALID_ARGUMENT, "the request is malformed: " + e.getMessage(), e);
    }
  }

  private static RpcRequest decode(byte[] data) {
    String service = "";
    String method = "";
    byte[] payload = ProtoMessage.NO_BYTES;
    long timeoutNanos = 0;
    Map<String, String> metadata = Map.of();
    ProtoReader r = new ProtoReader(data);
    int tag;
    while ((tag = r.tag()) != 0) {
      switch (tag) {
        case 10 -> service = r.string();
        case 18 -> method = r.string();
        case 26 -> payload = r.bytes();
        case 32 -> timeoutNanos = r.varint64();
        case 42 -> {
          if (metadata.isEmpty()) {
            metadata = new LinkedHashMap<>();
          }
          readPair(r, metadata);
        }
        default -> r.skip(tag);
      }
    }
    return new RpcRequest(
        service, method, payload, new RpcContext(Math.max(timeoutNanos, 0), metadata));
  }

  private static void readPair(ProtoReader r, Map<String, String> metadata) {
    int outer = r.enter();
    String key = "";
    String value = "";
    int tag;
    while ((tag = r.tag()) != 0) {
      switch (tag) {
        case 10 -> key = r.string();
        case 18 -> value = r.string();
        default -> r.skip(tag);
      }
    }
    r.leave(outer);
    if (metadata.size() < MAX_METADATA) {
      metadata.putIfAbsent(key, value);
    }
  }

  /**
   * A whole frame, its stream id still 0; {@link Frame#putHeader} sets it.
   *
   * @throws RpcException RESOURCE_EXHAUSTED if it would be too large
   */
  static byte[] frame(
      String service,
      String method,
      byte[] payload,
      long timeoutNanos,
      Map<String, String> metadata) {
    ProtoWriter w = RpcResponse.header(payload.length + service.length() + method.length() + 64);
    w.string(1, service);
    w.string(2, method);
    w.bytes(3, payload);
    w.int64(4, timeoutNanos);
    for (Map.Entry<String, String> pair : metadata.entrySet()) {
      int start = w.begin(5);
      w.string(1, pair.getKey());
      w.string(2, pair.getValue());
      w.end(start);
    }
    int length = w.size() - Frame.HEADER_LENGTH;
    if (length > Frame.MAX_DATA) {
      throw new RpcException(
          RpcStatus.RESOURCE_EXHAUSTED,
          "the request "
              + service
              + "/"
              + method
              + " has "
              + length
              + " bytes, at most "
              + Frame.MAX_DATA
              + " can be sent");
    }
    return w.toByteArray();
  }
}
