package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.LinuxException;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protocol.casemate.LookRequest;
import dev.casemate.protocol.casemate.ShimService;
import dev.casemate.protocol.google.Empty;
import dev.casemate.rpc.RpcContext;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcService;
import dev.casemate.sandbox.HostView;
import dev.casemate.sandbox.RpcErrors;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where engines see the files of the containers that they create later in a pod. CRI-O's storage
 * keeps its mounts to CRI-O's mount namespace; a container's start command runs in that and says so
 * to the shim, which is in another since the pod's start.
 */
final class EngineViews implements RpcService {
  /** Starts without a create behind them; the oldest ones are forgotten. */
  private static final int LIMIT = 16;

  private final Map<String, HostView> views = new LinkedHashMap<>();

  @Override
  public String name() {
    return ShimService.NAME;
  }

  @Override
  public byte[] call(String method, byte[] payload, RpcContext context) {
    if (!method.equals(ShimService.LOOK)) {
      throw RpcException.unimplemented(name(), method);
    }
    try {
      look(LookRequest.decode(payload));
    } catch (CasemateException e) {
      throw RpcErrors.toRpc(e);
    }
    return Empty.builder().build().encode();
  }

  /** The call that announces a container. */
  static ProtoMessage request(String containerId, int pid) {
    return LookRequest.builder().containerId(containerId).pid(pid).build();
  }

  void look(LookRequest request) {
    Identity.check("container id", request.containerId());
    HostView view;
    try {
      view = HostView.ofProcess(request.pid());
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "process " + request.pid() + " of the engine cannot be looked at: " + e.getMessage(),
          e);
    }
    synchronized (views) {
      forget(request.containerId());
      views.put(request.containerId(), view);
      for (Iterator<HostView> all = views.values().iterator(); views.size() > LIMIT; ) {
        all.next().close();
        all.remove();
      }
    }
  }

  private void forget(String containerId) {
    HostView old = views.remove(containerId);
    if (old != null) {
      old.close();
    }
  }

  /** The view of a container that is being created, for the caller to close; else the shim's. */
  HostView take(String containerId) {
    synchronized (views) {
      HostView view = views.remove(containerId);
      return view == null ? HostView.OWN : view;
    }
  }
}
