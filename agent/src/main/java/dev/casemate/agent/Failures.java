package dev.casemate.agent;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;

/** How an exception is reported to the host. */
final class Failures {
  private static final int MESSAGE_LIMIT = 4096;

  private Failures() {}

  static RpcStatus status(Throwable cause) {
    return switch (cause) {
      case RpcException e -> e.status();
      case CasemateException e -> status(e.kind());
      case MalformedMessageException e -> RpcStatus.INVALID_ARGUMENT;
      case OutOfMemoryError e -> RpcStatus.RESOURCE_EXHAUSTED;
      default -> RpcStatus.INTERNAL;
    };
  }

  private static RpcStatus status(Kind kind) {
    return switch (kind) {
      case INVALID_ARGUMENT -> RpcStatus.INVALID_ARGUMENT;
      case NOT_FOUND, COMMAND_NOT_FOUND -> RpcStatus.NOT_FOUND;
      case ALREADY_EXISTS -> RpcStatus.ALREADY_EXISTS;
      case FAILED_PRECONDITION -> RpcStatus.FAILED_PRECONDITION;
      case UNAVAILABLE -> RpcStatus.UNAVAILABLE;
      case TIMEOUT -> RpcStatus.DEADLINE_EXCEEDED;
      case RESOURCE_EXHAUSTED -> RpcStatus.RESOURCE_EXHAUSTED;
      case PERMISSION_DENIED, COMMAND_NOT_EXECUTABLE -> RpcStatus.PERMISSION_DENIED;
      case CORRUPT -> RpcStatus.DATA_LOSS;
      case INTERNAL -> RpcStatus.INTERNAL;
    };
  }

  /** The message; a shell's exit status stands before that of a command that cannot be run. */
  static String message(Throwable cause) {
    String message = cause.getMessage();
    boolean expected =
        cause instanceof RpcException
            || cause instanceof CasemateException
            || cause instanceof MalformedMessageException;
    String text = expected && message != null ? message : Console.describe(cause);
    if (cause instanceof CasemateException e && e.kind() == Kind.COMMAND_NOT_FOUND) {
      text = "casemate:127: " + text;
    } else if (cause instanceof CasemateException e && e.kind() == Kind.COMMAND_NOT_EXECUTABLE) {
      text = "casemate:126: " + text;
    }
    return text.length() > MESSAGE_LIMIT ? text.substring(0, MESSAGE_LIMIT) : text;
  }

  static CasemateException invalid(String message) {
    return CasemateException.of(Kind.INVALID_ARGUMENT, message);
  }

  static CasemateException precondition(String message) {
    return CasemateException.of(Kind.FAILED_PRECONDITION, message);
  }

  static CasemateException notFound(String message) {
    return CasemateException.of(Kind.NOT_FOUND, message);
  }
}
