package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.ExecProcessRequest;
import dev.casemate.protocol.casemate.ArchiveRequest;
import dev.casemate.protocol.casemate.ArchiveResponse;
import dev.casemate.protocol.casemate.GuestService;
import dev.casemate.specmapping.SpecMapping;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** The processes that were added to a container. */
final class ContainerExecs {
  private final AgentClient agent;
  private final String containerId;
  private final String guestId;
  private final Map<String, GuestProcess> execs = new ConcurrentHashMap<>();
  private final Map<String, ProcessSpec> pending = new ConcurrentHashMap<>();

  /**
   * Of a container without any.
   *
   * @param guestId the guest's name of the container
   */
  ContainerExecs(AgentClient agent, String containerId, String guestId) {
    this.agent = agent;
    this.containerId = containerId;
    this.guestId = guestId;
  }

  GuestProcess find(String execId) {
    GuestProcess exec = execs.get(execId);
    if (exec == null) {
      throw CasemateException.of(
          Kind.NOT_FOUND, "container " + containerId + " has no exec \"" + execId + "\"");
    }
    return exec;
  }

  List<GuestProcess> all() {
    return List.copyOf(execs.values());
  }

  private GuestProcess register(String execId, Stdio stdio) {
    GuestProcess exec = new GuestProcess(agent, containerId, guestId, execId, stdio);
    if (execs.putIfAbsent(execId, exec) != null) {
      exec.close();
      throw CasemateException.of(
          Kind.ALREADY_EXISTS,
          "container " + containerId + " already has an exec \"" + execId + "\"");
    }
    return exec;
  }

  private void forget(String execId, GuestProcess exec) {
    execs.remove(execId);
    exec.close();
  }

  /** Registers one, whose outputs are open then. */
  void add(String execId, Stdio stdio, ProcessSpec process) {
    GuestProcess exec = register(execId, stdio);
    try {
      exec.openOutputs();
    } catch (RuntimeException e) {
      forget(execId, exec);
      throw e;
    }
    pending.put(execId, process);
  }

  /** Has the guest start it; its streams are not carried yet. */
  GuestProcess start(String execId) {
    GuestProcess exec = find(execId);
    ProcessSpec process = pending.remove(execId);
    if (process == null) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION, "exec \"" + execId + "\" has already been started");
    }
    ExecProcessRequest.Builder request =
        ExecProcessRequest.builder()
            .containerId(guestId)
            .execId(execId)
            .process(SpecMapping.toMessage(process))
            .processRest(SpecMapping.rest(process));
    GuestSpec.user(process).ifPresent(request::stringUser);
    try {
      agent.call(AgentService.EXEC_PROCESS, request.build());
    } catch (RuntimeException e) {
      forget(execId, exec);
      throw e;
    }
    exec.running(true);
    return exec;
  }

  /** A tar stream, which the guest takes for one. */
  ArchiveResponse startArchive(ArchiveRequest request, Stdio stdio) {
    GuestProcess exec = register(request.execId(), stdio);
    try {
      ArchiveResponse response =
          agent.ask(
              GuestService.NAME,
              GuestService.START_ARCHIVE,
              request,
              AgentClient.CALL_TIMEOUT_MILLIS,
              AgentClient.SMALL_ANSWER,
              ArchiveResponse::decode);
      exec.attach(Optional.empty(), () -> {});
      return response;
    } catch (RuntimeException e) {
      forget(request.execId(), exec);
      throw e;
    }
  }

  /** Forgets one that does not run; returns what it was. */
  GuestProcess remove(String execId) {
    GuestProcess exec = find(execId);
    if (exec.running()) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION, "exec \"" + execId + "\" is still running");
    }
    pending.remove(execId);
    forget(execId, exec);
    return exec;
  }
}
