package dev.casemate.agent;

import dev.casemate.linux.FileContent;
import dev.casemate.protocol.agent.*;
import dev.casemate.protocol.casemate.ArchiveRequest;
import dev.casemate.protocol.casemate.ClockRequest;
import dev.casemate.protocol.casemate.GuestService;
import dev.casemate.protocol.casemate.PersonalizeRequest;
import dev.casemate.protocol.casemate.RelayRequest;
import dev.casemate.protocol.casemate.SupplyModulesRequest;
import dev.casemate.protocol.casemate.SyncDirectoryRequest;
import dev.casemate.protocol.google.Empty;
import dev.casemate.rpc.RpcException;

/** Finds the handler of a request. */
final class Services {
  static final Empty EMPTY = Empty.builder().build();

  private Services() {}

  static void call(Agent agent, String service, String method, byte[] payload, Answer answer) {
    switch (service) {
      case AgentService.NAME -> agentService(agent, method, payload, answer);
      case HealthService.NAME -> health(method, answer);
      case GuestService.NAME -> guest(agent, method, payload, answer);
      default -> throw RpcException.unimplemented(service, method);
    }
  }

  private static void health(String method, Answer answer) {
    switch (method) {
      case HealthService.CHECK -> answer.ok(Health.check());
      case HealthService.VERSION -> answer.ok(Health.version());
      default -> throw RpcException.unimplemented(HealthService.NAME, method);
    }
  }

  private static void guest(Agent agent, String method, byte[] payload, Answer answer) {
    switch (method) {
      case GuestService.BOOT -> answer.ok(Boot.report(agent));
      case GuestService.PERSONALIZE -> {
        Personalize.handle(agent, PersonalizeRequest.decode(payload));
        answer.ok(EMPTY);
      }
      case GuestService.START_ARCHIVE ->
          answer.ok(StartArchive.handle(agent, ArchiveRequest.decode(payload)));
      case GuestService.START_RELAY -> {
        StartRelay.handle(agent, RelayRequest.decode(payload));
        answer.ok(EMPTY);
      }
      case GuestService.SYNC_DIRECTORY -> {
        SyncDirectory.handle(SyncDirectoryRequest.decode(payload));
        answer.ok(EMPTY);
      }
      case GuestService.SUPPLY_MODULES ->
          agent.wishes().handle(SupplyModulesRequest.decode(payload), answer);
      case GuestService.FORGET_FILES -> {
        // Documentation/admin-guide/sysctl/vm.rst: entries of directories, and inodes.
        FileContent.writeControl("/proc/sys/vm/drop_caches", "2");
        answer.ok(EMPTY);
      }
      case GuestService.CLOCK -> answer.ok(Clock.handle(ClockRequest.decode(payload)));
      default -> throw RpcException.unimplemented(GuestService.NAME, method);
    }
  }

  private static void agentService(Agent agent, String method, byte[] payload, Answer answer) {
    switch (method) {
      case AgentService.CREATE_SANDBOX ->
          CreateSandbox.handle(agent, CreateSandboxRequest.decode(payload), answer);
      case AgentService.DESTROY_SANDBOX -> DestroySandbox.handle(agent, answer);
      case AgentService.CREATE_CONTAINER ->
          CreateContainer.handle(agent, CreateContainerRequest.decode(payload), answer);
      case AgentService.START_CONTAINER ->
          StartContainer.handle(agent, StartContainerRequest.decode(payload), answer);
      case AgentService.REMOVE_CONTAINER ->
          RemoveContainer.handle(agent, RemoveContainerRequest.decode(payload), answer);
      case AgentService.EXEC_PROCESS ->
          ExecProcess.handle(agent, ExecProcessRequest.decode(payload), answer);
      case AgentService.SIGNAL_PROCESS ->
          SignalProcess.handle(agent, SignalProcessRequest.decode(payload), answer);
      case AgentService.WAIT_PROCESS -> {
        WaitProcessRequest request = WaitProcessRequest.decode(payload);
        agent.containers().process(request.containerId(), request.execId()).await(answer);
      }
      case AgentService.LIST_PROCESSES ->
          answer.ok(ListProcesses.handle(agent, ListProcessesRequest.decode(payload)));
      case AgentService.UPDATE_CONTAINER ->
          UpdateContainer.handle(agent, UpdateContainerRequest.decode(payload), answer);
      case AgentService.STATS_CONTAINER ->
          answer.ok(StatsContainer.handle(agent, StatsContainerRequest.decode(payload)));
      case AgentService.PAUSE_CONTAINER -> {
        agent.containers().find(PauseContainerRequest.decode(payload).containerId()).cell().pause();
        answer.ok(EMPTY);
      }
      case AgentService.RESUME_CONTAINER -> {
        String id = ResumeContainerRequest.decode(payload).containerId();
        agent.containers().find(id).cell().resume();
        answer.ok(EMPTY);
      }
      case AgentService.UPDATE_EPHEMERAL_MOUNTS -> {
        for (Storage storage : UpdateEphemeralMountsRequest.decode(payload).storages()) {
          agent.storages().remount(storage);
        }
        answer.ok(EMPTY);
      }
      case AgentService.WRITE_STDIN,
          AgentService.READ_STDOUT,
          AgentService.READ_STDERR,
          AgentService.CLOSE_STDIN,
          AgentService.TTY_WIN_RESIZE ->
          Streams.handle(agent, method, payload, answer);
      case AgentService.UPDATE_INTERFACE,
          AgentService.UPDATE_ROUTES,
          AgentService.LIST_INTERFACES,
          AgentService.LIST_ROUTES,
          AgentService.ADD_ARP_NEIGHBORS ->
          network(agent, method, payload, answer);
      default -> machine(agent, method, payload, answer);
    }
  }

  private static void network(Agent agent, String method, byte[] payload, Answer answer) {
    switch (method) {
      case AgentService.UPDATE_INTERFACE ->
          Interfaces.update(agent, UpdateInterfaceRequest.decode(payload), answer);
      case AgentService.UPDATE_ROUTES ->
          answer.ok(Routing.update(UpdateRoutesRequest.decode(payload)));
      case AgentService.LIST_INTERFACES -> answer.ok(Interfaces.list());
      case AgentService.LIST_ROUTES -> answer.ok(Routing.list());
      case AgentService.ADD_ARP_NEIGHBORS -> {
        Neighbours.add(AddARPNeighborsRequest.decode(payload));
        answer.ok(EMPTY);
      }
      default -> throw RpcException.unimplemented(AgentService.NAME, method);
    }
  }

  private static void machine(Agent agent, String method, byte[] payload, Answer answer) {
    switch (method) {
      case AgentService.COPY_FILE -> {
        CopyFile.handle(CopyFileRequest.decode(payload));
        answer.ok(EMPTY);
      }
      case AgentService.GET_OOM_EVENT -> agent.oom().await(answer);
      case AgentService.ONLINE_CPU_MEM ->
          OnlineCpuMem.handle(agent, OnlineCPUMemRequest.decode(payload), answer);
      case AgentService.MEM_HOTPLUG_BY_PROBE -> {
        GuestDetails.probe(MemHotplugByProbeRequest.decode(payload));
        answer.ok(EMPTY);
      }
      case AgentService.GET_GUEST_DETAILS ->
          answer.ok(GuestDetails.handle(GuestDetailsRequest.decode(payload)));
      case AgentService.RESEED_RANDOM_DEV -> {
        ReseedRandomDev.handle(ReseedRandomDevRequest.decode(payload));
        answer.ok(EMPTY);
      }
      case AgentService.SET_GUEST_DATE_TIME -> {
        SetGuestDateTime.handle(SetGuestDateTimeRequest.decode(payload));
        answer.ok(EMPTY);
      }
      case AgentService.GET_VOLUME_STATS ->
          answer.ok(GetVolumeStats.handle(VolumeStatsRequest.decode(payload)));
      case AgentService.GET_METRICS -> answer.ok(GetMetrics.handle(agent));
      case AgentService.ADD_SWAP -> AddSwap.handle(agent, AddSwapRequest.decode(payload), answer);
      default -> throw RpcException.unimplemented(AgentService.NAME, method);
    }
  }
}
