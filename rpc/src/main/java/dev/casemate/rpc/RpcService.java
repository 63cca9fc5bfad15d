package dev.casemate.rpc;

/**
 * A service that {@link TtrpcServer} offers. Its methods are called from several threads at a time,
 * each of which may block.
 */
public interface RpcService {
  /** The full name, such as containerd.task.v2.Task. */
  String name();

  /**
   * Carries out one call.
   *
   * @param method the method's name
   * @param payload the request, encoded
   * @param context what came with it
   * @return the response, encoded
   * @throws RpcException to answer with a status; {@link RpcException#unimplemented} for unknown
   *     methods. Other exceptions are answered as {@link RpcStatus#UNKNOWN} with their message, a
   *     {@link MalformedMessageException} as {@link RpcStatus#INVALID_ARGUMENT}
   */
  byte[] call(String method, byte[] payload, RpcContext context);

  /**
   * Called after a call whose caller has disconnected: what it created only for the caller can be
   * undone.
   *
   * @param method the method's name
   * @param payload the request, encoded
   */
  default void unheard(String method, byte[] payload) {}
}
