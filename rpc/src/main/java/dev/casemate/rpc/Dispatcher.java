package dev.casemate.rpc;

/** Carries out the requests of a {@link TtrpcSession}. */
public interface Dispatcher {
  /**
   * Begins to carry out a request. An exception answers it, as in {@link RpcService#call}, unless
   * it was answered already.
   *
   * @param service the service's full name
   * @param method the method's name
   * @param payload the request, encoded
   * @param responder takes the answer, now or later
   */
  void dispatch(String service, String method, byte[] payload, Responder responder);
}
