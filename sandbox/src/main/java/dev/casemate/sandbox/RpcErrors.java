package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.PlainText;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;

/**
 * Carries error kinds through gRPC's status codes, which have no code for a command that is missing
 * or not executable: the message carries these.
 */
public final class RpcErrors {
  private static final String NOT_FOUND_PREFIX = "casemate:127: ";
  private static final String NOT_EXECUTABLE_PREFIX = "casemate:126: ";

  private RpcErrors() {}

  public static RpcException toRpc(CasemateException e) {
    String message = e.getMessage() == null ? e.kind().name() : e.getMessage();
    return switch (e.kind()) {
      case INVALID_ARGUMENT -> new RpcException(RpcStatus.INVALID_ARGUMENT, message, e);
      case NOT_FOUND -> new RpcException(RpcStatus.NOT_FOUND, message, e);
      case ALREADY_EXISTS -> new RpcException(RpcStatus.ALREADY_EXISTS, message, e);
      case FAILED_PRECONDITION -> new RpcException(RpcStatus.FAILED_PRECONDITION, message, e);
      case UNAVAILABLE -> new RpcException(RpcStatus.UNAVAILABLE, message, e);
      case TIMEOUT -> new RpcException(RpcStatus.DEADLINE_EXCEEDED, message, e);
      case RESOURCE_EXHAUSTED -> new RpcException(RpcStatus.RESOURCE_EXHAUSTED, message, e);
      case PERMISSION_DENIED -> new RpcException(RpcStatus.PERMISSION_DENIED, message, e);
      case CORRUPT -> new RpcException(RpcStatus.DATA_LOSS, message, e);
      case COMMAND_NOT_FOUND ->
          new RpcException(RpcStatus.NOT_FOUND, NOT_FOUND_PREFIX + message, e);
      case COMMAND_NOT_EXECUTABLE ->
          new RpcException(RpcStatus.PERMISSION_DENIED, NOT_EXECUTABLE_PREFIX + message, e);
      case INTERNAL -> new RpcException(RpcStatus.INTERNAL, message, e);
    };
  }

  /**
   * The error with a text that engines and commands can show: the agent's errors quote what the
   * container chose.
   */
  public static RpcException clean(RpcException e) {
    String text = PlainText.message(e.text());
    return text.equals(e.text()) ? e : new RpcException(e.status(), text, e);
  }

  /**
   * The error as engines expect it of a container's command that cannot be executed: they look into
   * the text, and take NOT_FOUND for the container's.
   */
  public static RpcException forEngine(RpcException e) {
    String text = e.text();
    if (text.startsWith(NOT_FOUND_PREFIX) || text.startsWith(NOT_EXECUTABLE_PREFIX)) {
      return new RpcException(RpcStatus.UNKNOWN, text.substring(NOT_FOUND_PREFIX.length()), e);
    }
    return e;
  }

  public static CasemateException fromRpc(RpcException e) {
    String message = e.text();
    if (message.startsWith(NOT_FOUND_PREFIX)) {
      return CasemateException.of(
          Kind.COMMAND_NOT_FOUND, message.substring(NOT_FOUND_PREFIX.length()), e);
    }
    if (message.startsWith(NOT_EXECUTABLE_PREFIX)) {
      return CasemateException.of(
          Kind.COMMAND_NOT_EXECUTABLE, message.substring(NOT_EXECUTABLE_PREFIX.length()), e);
    }
    Kind kind =
        switch (e.status()) {
          case INVALID_ARGUMENT, OUT_OF_RANGE -> Kind.INVALID_ARGUMENT;
          case NOT_FOUND -> Kind.NOT_FOUND;
          case ALREADY_EXISTS -> Kind.ALREADY_EXISTS;
          case FAILED_PRECONDITION, ABORTED -> Kind.FAILED_PRECONDITION;
          case UNAVAILABLE, CANCELLED -> Kind.UNAVAILABLE;
          case DEADLINE_EXCEEDED -> Kind.TIMEOUT;
          case RESOURCE_EXHAUSTED -> Kind.RESOURCE_EXHAUSTED;
          case PERMISSION_DENIED, UNAUTHENTICATED -> Kind.PERMISSION_DENIED;
          case DATA_LOSS -> Kind.CORRUPT;
          case OK, UNKNOWN, UNIMPLEMENTED, INTERNAL -> Kind.INTERNAL;
        };
    return CasemateException.of(kind, message, e);
  }
}
