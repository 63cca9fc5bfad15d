package dev.casemate.containers;

import dev.casemate.base.CasemateException;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protocol.casemate.ArchiveRequest;
import dev.casemate.protocol.casemate.ListProcessesResponse;
import dev.casemate.protocol.casemate.SandboxArchiveRequest;
import dev.casemate.protocol.casemate.SandboxInspectResponse;
import dev.casemate.protocol.casemate.SandboxService;
import dev.casemate.rpc.RpcContext;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcService;
import dev.casemate.sandbox.RpcErrors;
import dev.casemate.sandbox.Stdio;
import dev.casemate.task.TaskFront;

/**
 * What Casemate's own commands ask a sandbox beyond containerd's task service: {@code
 * casemate.v1.Sandbox}.
 */
final class SandboxApi implements RpcService {
  private final TaskFront front;
  private final String containerId;

  SandboxApi(TaskFront front, String containerId) {
    this.front = front;
    this.containerId = containerId;
  }

  @Override
  public String name() {
    return SandboxService.NAME;
  }

  @Override
  public byte[] call(String method, byte[] payload, RpcContext context) {
    try {
      return handle(method, payload).encode();
    } catch (CasemateException e) {
      throw RpcErrors.toRpc(e);
    }
  }

  private ProtoMessage handle(String method, byte[] payload) {
    return switch (method) {
      case SandboxService.INSPECT ->
          SandboxInspectResponse.builder().json(front.sandbox().describe().text()).build();
      case SandboxService.LIST_PROCESSES ->
          ListProcessesResponse.builder()
              .json(front.sandbox().container(containerId).processes())
              .build();
      case SandboxService.START_ARCHIVE -> {
        SandboxArchiveRequest request = SandboxArchiveRequest.decode(payload);
        ArchiveRequest archive =
            request.archive().orElseGet(() -> ArchiveRequest.builder().build());
        yield front
            .sandbox()
            .container(containerId)
            .startArchive(
                archive, new Stdio(request.stdin(), request.stdout(), request.stderr(), false));
      }
      default -> throw RpcException.unimplemented(SandboxService.NAME, method);
    };
  }
}
