package dev.casemate.rpc;

/** Carries out the requests of a {@link TtrpcSession}. */
public interface Dispatcher {
  /**
   * Begins to process a request. An exception becomes its response, as in {@link RpcService#call},
   * unless it has already been answered.
   *
   * @param service the service's full name
   * @param method the method's name
   * @param payload the request, encoded
   * @param responder receives the response, now or later
   */
  void dispatch(String service, String method, byte[] payload, Responder responder);
}
