package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.hypervisor.VmExit;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.hypervisor.Vmm;
import dev.casemate.linux.Machine;
import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.DestroySandboxRequest;
import dev.casemate.protocol.agent.Storage;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.TtrpcClient;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A sandbox's VM with all that it needs on the host, from nothing to an agent that answers, and
 * back to nothing.
 *
 * <p>The steps are: prepare (network, shares, disks), launch (the VMM runs), ready (the agent has
 * answered). A VM that is cloned from a template will enter at the same last step.
 */
public final class SandboxVm implements AutoCloseable {
  /** Where the guest keeps what belongs to single containers. */
  private static final int DESTROY_TIMEOUT_MILLIS = 3_000;

  private static final int SHUTDOWN_GRACE_MILLIS = 1_000;
  private static final int LOST_GRACE_MILLIS = 3_000;

  private final SandboxConfig config;
  private final Vmm vmm;
  private final Consumer<String> warnings;
  private final PreparedVm prepared;
  private volatile Optional<VmGrowth> growth = Optional.empty();
  private volatile Optional<Volumes> volumes = Optional.empty();
  private volatile Optional<VirtualMachine> vm = Optional.empty();
  private volatile Optional<AgentClient> agent = Optional.empty();
  private long launchedMicros;
  private Optional<GuestBoot> booted = Optional.empty();
  private boolean closed;

  SandboxVm(SandboxPaths paths, SandboxConfig config, Vmm vmm, Consumer<String> warnings) {
    this.vmm = vmm;
    this.config = config;
    this.warnings = warnings;
    this.prepared = new PreparedVm(paths, config, warnings);
  }

  /** The host's files that the guest sees. */
  public Shares shares() {
    return prepared.shares();
  }

  /**
   * Gives the VM a disk at its start.
   *
   * @param fstype the kernel module that the guest needs for what is on it
   */
  public void addDisk(Device.Disk disk, String fstype) {
    prepared.addDisk(disk, fstype);
  }

  /**
   * Prepares and starts the VMM; returns as soon as its process exists. Shares must have been
   * added.
   */
  synchronized void launch(VmListener listener) {
    if (closed) {
      throw CasemateException.of(Kind.UNAVAILABLE, "the sandbox is being ended");
    }
    VirtualMachine launched = prepared.launch(vmm, listener);
    launchedMicros = Machine.monotonicMicros();
    vm = Optional.of(launched);
    prepared.confine(launched, this::sharesLost);
  }

  /** The VM is to go on from a checkpoint instead of booting. */
  void restoreFrom(VmRestore checkpoint) {
    prepared.restoreFrom(checkpoint);
  }

  /** Whether it has cards that cannot be taken out. */
  boolean hasCards() {
    return prepared.hasCards();
  }

  /** Takes the network cards out of the guest. */
  void suspendNetwork() {
    prepared.network().ifPresent(GuestNetwork::suspend);
  }

  /** Gives the guest its network cards back. */
  void resumeNetwork() {
    prepared.network().ifPresent(GuestNetwork::resume);
  }

  /**
   * Without its daemon every access to a shared file hangs for ever, and QEMU cannot be given
   * another: the VM is of no use any more.
   */
  private void sharesLost() {
    if (machine().awaitExit(SHUTDOWN_GRACE_MILLIS).isPresent()) {
      // It ends by itself when the VMM has.
      return;
    }
    warnings.accept("virtiofsd ended under the VM, whose shared files hang: the VM is ended, too");
    kill();
  }

  /** The store keeps an image's root file system while somebody holds a shared lock on it. */
  public void holdImage(String path) {
    prepared.holdImage(path);
  }

  /** Waits for the agent and sets the sandbox up in the guest. */
  void awaitReady(String hostname) {
    VirtualMachine machine = machine();
    AgentClient client =
        new AgentClient(
            new TtrpcClient(
                new FdChannel(machine.agentConnection()),
                "the guest's agent",
                AgentClient.LONGEST_ANSWER),
            warnings);
    agent = Optional.of(client);
    try {
      if (prepared.checkpoint().isPresent()) {
        machine.resume();
        client.setClock();
        client.reseed();
      } else {
        booted = Optional.of(GuestBoot.await(client, config.vm().bootTimeoutMillis()));
        client.createSandbox(prepared.sandboxRequest(hostname), AgentClient.CALL_TIMEOUT_MILLIS);
      }
      volumes = Optional.of(new Volumes(prepared.shares(), machine, client, warnings));
      VmSize size = VmSize.of(config.vm());
      VmSize most = prepared.most();
      if (!most.equals(size)) {
        VmSize now = prepared.checkpoint().map(VmRestore::size).orElse(size);
        growth =
            Optional.of(
                new VmGrowth(config.configured(), size, most, now, machine, client, warnings));
      }
      Optional<GuestNetwork> network = prepared.network();
      if (network.isPresent()) {
        network.get().configure(machine, client);
        if (prepared.isNetworkForeign()) {
          network.get().follow(volumes.get()::refresh);
        }
      }
    } catch (RpcException e) {
      throw BootFailure.of(machine, config.vm(), e);
    }
  }

  /** Whether the guest was given name servers. */
  boolean hasResolver() {
    return !prepared.resolverLines().isEmpty();
  }

  /** How the guest mounts a disk that the VM has. */
  public Storage diskStorage(
      String diskId, String fstype, List<String> options, String mountPoint) {
    return GuestDisks.storage(machine().address(diskId))
        .fstype(fstype)
        .options(options)
        .mountPoint(mountPoint)
        .build();
  }

  /** The VMM that runs it. */
  Vmm vmm() {
    return vmm;
  }

  AgentClient agent() {
    return agent.orElseThrow(
        () -> CasemateException.of(Kind.FAILED_PRECONDITION, "the sandbox has no agent yet"));
  }

  VirtualMachine machine() {
    return vm.orElseThrow(
        () -> CasemateException.of(Kind.FAILED_PRECONDITION, "the sandbox has no VM yet"));
  }

  /** The VMM's process, 0 before it exists. */
  int pid() {
    return vm.map(VirtualMachine::pid).orElse(0);
  }

  /** Ends a VM that does not answer: whoever listens is told of its end. */
  public void kill() {
    vm.ifPresent(machine -> machine.shutdown(0));
  }

  /** The sandbox's address in the bridge's network, or empty. */
  public String address() {
    return prepared.network().map(GuestNetwork::address).orElse("");
  }

  /**
   * What containers have of the host.
   *
   * @throws CasemateException FAILED_PRECONDITION before the VM is ready
   */
  public Volumes volumes() {
    return volumes.orElseThrow(
        () -> CasemateException.of(Kind.FAILED_PRECONDITION, "the sandbox has no VM yet"));
  }

  /** A container has gone, or could not be made. */
  void releaseVolumes(String containerId) {
    volumes.ifPresent(v -> v.release(containerId));
  }

  /** A container comes, or has other limits now: the VM is to be as big as all want together. */
  void containerLimits(String containerId, Json.Obj limits) {
    growth.ifPresent(g -> g.put(containerId, limits));
  }

  /** The pod as a whole is to have room for so much. */
  void podLimits(Json.Obj limits) {
    growth.ifPresent(g -> g.atLeast(limits));
  }

  /** A container has gone. */
  void containerGone(String containerId) {
    growth.ifPresent(g -> g.remove(containerId));
  }

  /** What the VM has now. */
  public VmSize size() {
    return growth.map(VmGrowth::size).orElse(VmSize.of(config.vm()));
  }

  /** Where its network namespace is, if others furnish it. */
  Optional<String> foreignNamespace() {
    return prepared.isNetworkForeign()
        ? prepared.network().map(GuestNetwork::namespace)
        : Optional.empty();
  }

  /** Gives the guest what its namespace has by now; see {@link GuestNetwork#refresh}. */
  void refreshNetwork() {
    volumes.ifPresent(Volumes::refresh);
    if (prepared.isNetworkForeign()) {
      prepared.network().ifPresent(GuestNetwork::refresh);
    }
  }

  long launchedMicros() {
    return launchedMicros;
  }

  /** What the guest told of its boot; empty before, and for one that was restored. */
  Optional<GuestBoot> booted() {
    return booted;
  }

  /** Sets the guest's wall clock. */
  void setClock() {
    agent().setClock();
  }

  /** What inspect tells of the VM. */
  Json.Obj describe() {
    Json.Obj json = new Json.Obj();
    vm.ifPresent(
        machine ->
            json.put("pid", machine.pid())
                .put("accelerator", machine.accelerator().kind().name().toLowerCase(Locale.ROOT))
                .put("acceleratorReason", machine.accelerator().reason()));
    booted.ifPresent(boot -> boot.describe(json));
    return json;
  }

  /** Why the guest does not answer any more. */
  public String whyLost() {
    return machine()
        .awaitExit(LOST_GRACE_MILLIS)
        .map(SandboxVm::endedUnderContainer)
        .orElseGet(
            () ->
                "the connection to the guest's agent broke, but its VM still runs: "
                    + agent.flatMap(AgentClient::lossReason).orElse("it is silent"));
  }

  public static String endedUnderContainer(VmExit exit) {
    return "the VM ended under the container: " + exit.describe();
  }

  /** Fails every call that still waits for the agent of a VM that is gone. */
  void disconnectAgent() {
    agent.ifPresent(AgentClient::close);
  }

  /** Ends the VM and frees all that it had, in reverse order. Safe to repeat. */
  @Override
  public synchronized void close() {
    closed = true;
    if (agent.isPresent()) {
      if (vm.isPresent() && vm.get().exit().isEmpty()) {
        try {
          agent
              .get()
              .call(
                  AgentService.NAME,
                  AgentService.DESTROY_SANDBOX,
                  DestroySandboxRequest.builder().build(),
                  DESTROY_TIMEOUT_MILLIS);
          vm.get().awaitExit(SHUTDOWN_GRACE_MILLIS);
        } catch (RpcException e) {
          // A guest that does not answer is killed below.
        }
      }
      agent.get().close();
      agent = Optional.empty();
    }
    vm.ifPresent(VirtualMachine::close);
    // Nothing waits for the guest any more.
    volumes.ifPresent(Volumes::close);
    prepared.close();
  }
}
