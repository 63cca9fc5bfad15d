package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.hypervisor.VmExit;
import dev.casemate.hypervisor.VmTemplate;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Machine;
import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.DestroySandboxRequest;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;
import dev.casemate.rpc.TtrpcClient;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;

/** A sandbox's VM from the moment on at which the VMM's process exists, and its guest's agent. */
final class LaunchedVm implements AutoCloseable {
  private static final int DESTROY_TIMEOUT_MILLIS = 3_000;
  private static final int SHUTDOWN_GRACE_MILLIS = 1_000;
  private static final int LOST_GRACE_MILLIS = 3_000;

  /** The exit status of a process that SIGKILL has ended. */
  private static final int KILLED = 137;

  /** How long a copy of a template may take to answer before it is given up. */
  private static final int COPY_MILLIS = 20_000;

  private final VirtualMachine machine;
  private final Optional<Template> template;
  private final Consumer<String> warnings;
  private final long launchedMicros = Machine.monotonicMicros();

  /** From the first attempt to reach it on, so that its calls can be ended; empty at the end. */
  private volatile Optional<AgentClient> agent = Optional.empty();

  private volatile Optional<GuestBoot> booted = Optional.empty();

  LaunchedVm(VirtualMachine machine, Optional<Template> template, Consumer<String> warnings) {
    this.machine = machine;
    this.template = template;
    this.warnings = warnings;
  }

  VirtualMachine machine() {
    return machine;
  }

  /** When it was launched, on the monotonic clock. */
  long launchedMicros() {
    return launchedMicros;
  }

  /** The guest's report of its boot; empty before, and for a restored VM. */
  Optional<GuestBoot> booted() {
    return booted;
  }

  /** The guest's agent; empty before {@link #connect} and after {@link #close}. */
  Optional<AgentClient> agent() {
    return agent;
  }

  /**
   * Opens the connection to the agent, which need not listen yet; the VM must run.
   *
   * @throws RpcException DEADLINE_EXCEEDED if it does not listen in time, where that is to be
   *     waited for
   */
  AgentClient connect(int timeoutMillis) {
    AgentClient client =
        new AgentClient(
            new TtrpcClient(
                new FdChannel(connection(timeoutMillis)),
                "the guest's agent",
                AgentClient.LONGEST_ANSWER),
            warnings);
    agent = Optional.of(client);
    return client;
  }

  private Fd connection(int timeoutMillis) {
    try {
      return machine.agentConnection(timeoutMillis);
    } catch (CasemateException e) {
      if (e.kind() != CasemateException.Kind.TIMEOUT) {
        throw e;
      }
      throw new RpcException(RpcStatus.DEADLINE_EXCEEDED, String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * Waits for the agent of a guest that boots and sets the sandbox up in it; a restored guest has
   * both, and goes on.
   *
   * @throws RpcException if the agent does not answer in time, or refuses
   */
  void awaitAgent(AgentClient client, PreparedVm prepared, int bootMillis, String hostname) {
    if (prepared.checkpoint().isPresent()) {
      client.setClock();
      client.reseed();
    } else if (prepared.template().isPresent()) {
      client.personalize(
          prepared.personalizeRequest(AgentClient.seed()), Math.min(bootMillis, COPY_MILLIS));
      booted = Optional.of(GuestBoot.ofCopy(prepared.template().get().report()));
      client.setClock();
      client.createSandbox(prepared.sandboxRequest(hostname), AgentClient.CALL_TIMEOUT_MILLIS);
    } else {
      booted = Optional.of(GuestBoot.await(client, bootMillis));
      client.setClock();
      client.createSandbox(prepared.sandboxRequest(hostname), AgentClient.CALL_TIMEOUT_MILLIS);
    }
  }

  /**
   * Without its daemon every access to a shared file hangs for ever, and QEMU cannot be given
   * another: the VM is of no use any more.
   */
  void sharesLost() {
    if (machine.awaitExit(SHUTDOWN_GRACE_MILLIS).isPresent()) {
      // It ends by itself when the VMM has.
      return;
    }
    warnings.accept(
        "virtiofsd ended while the VM was running, so access to shared files hangs: killing the VM");
    kill();
  }

  /** Whether another process, or the kernel for lack of memory, has killed the VMM. */
  boolean wasKilledFromOutside() {
    return machine
        .exit()
        .filter(exit -> exit.exitStatus().orElse(0) == KILLED)
        .filter(exit -> !exit.message().contains(VmTemplate.UNREADABLE))
        .isPresent();
  }

  /** Ends it without a word to the guest. */
  void kill() {
    machine.shutdown(0);
  }

  /** Puts process, accelerator and boot into what inspect tells. */
  void describe(Json.Obj json) {
    json.put("pid", machine.pid())
        .put("accelerator", machine.accelerator().kind().name().toLowerCase(Locale.ROOT))
        .put("acceleratorReason", machine.accelerator().reason());
    machine
        .agentAddress()
        .ifPresent(at -> json.put("agentAddress", "vsock://" + at.cid() + ":" + at.port()));
    template.ifPresent(from -> json.put("template", from.key()));
    booted.ifPresent(boot -> boot.describe(json));
  }

  /** Why the guest does not answer any more. */
  String whyLost() {
    return machine
        .awaitExit(LOST_GRACE_MILLIS)
        .map(LaunchedVm::endedUnderContainer)
        .orElseGet(
            () ->
                "the connection to the guest's agent broke, but its VM still runs: "
                    + agent.flatMap(AgentClient::lossReason).orElse("it does not respond"));
  }

  static String endedUnderContainer(VmExit exit) {
    return "the VM ended while the container was running: " + exit.describe();
  }

  /** Fails every call that still waits for the agent of a VM that is gone. */
  void disconnectAgent() {
    agent.ifPresent(AgentClient::close);
  }

  /** Takes leave of the guest, if it runs and answers, and ends the VM. Safe to repeat. */
  @Override
  public void close() {
    if (agent.isPresent()) {
      if (machine.exit().isEmpty()) {
        takeLeave(agent.get());
      }
      agent.get().close();
      agent = Optional.empty();
    }
    machine.close();
  }

  private void takeLeave(AgentClient client) {
    try {
      client.call(
          AgentService.NAME,
          AgentService.DESTROY_SANDBOX,
          DestroySandboxRequest.builder().build(),
          DESTROY_TIMEOUT_MILLIS);
      machine.awaitExit(SHUTDOWN_GRACE_MILLIS);
    } catch (RpcException e) {
      // A guest that does not answer is killed with its VM.
    }
  }
}
