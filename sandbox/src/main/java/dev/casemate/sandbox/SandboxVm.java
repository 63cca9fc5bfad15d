package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.hypervisor.VmExit;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.hypervisor.Vmm;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.agent.Storage;
import dev.casemate.rpc.RpcException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A sandbox's VM with all that it needs on the host, from preparation to an agent that answers, and
 * its removal.
 *
 * <p>A VM goes through three phases: prepared ({@link PreparedVm}: network, shares, disks),
 * launched ({@link LaunchedVm}: the VMM runs) and ready ({@link ReadyVm}: the agent has answered).
 * A VM that is restored from a checkpoint is prepared in the same way, and enters at the launch
 * ({@link VmRestore}).
 */
public final class SandboxVm implements AutoCloseable {
  private final SandboxConfig config;
  private final Vmm vmm;
  private final Consumer<String> warnings;
  private final SandboxPaths paths;
  private volatile PreparedVm prepared;
  private volatile Optional<LaunchedVm> launched = Optional.empty();
  private volatile Optional<ReadyVm> ready = Optional.empty();
  private Trial trial = new Trial(VmListener.NONE);
  private boolean mayCopy = true;
  private boolean closed;

  SandboxVm(SandboxPaths paths, SandboxConfig config, Vmm vmm, Consumer<String> warnings) {
    this.paths = paths;
    this.vmm = vmm;
    this.config = config;
    this.warnings = warnings;
    this.prepared = new PreparedVm(paths, config, warnings);
  }

  /** The host's files that the guest sees. */
  public Shares shares() {
    return prepared.shares();
  }

  /** Kernel parameters that the guest is to have before its first container. */
  public void sysctls(Map<String, String> values) {
    prepared.sysctls(values);
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
      throw CasemateException.of(Kind.UNAVAILABLE, "the sandbox is shutting down");
    }
    Optional<Template> template =
        mayCopy ? TemplateChoice.of(paths, config, prepared, vmm, warnings) : Optional.empty();
    template.ifPresent(prepared::copyOf);
    Trial events = new Trial(listener);
    if (template.isEmpty()) {
      events.accept();
    }
    trial = events;
    LaunchedVm now = new LaunchedVm(prepared.launch(vmm, events), template, warnings);
    launched = Optional.of(now);
    prepared.confine(now.machine(), now::sharesLost);
  }

  /**
   * Starts the VM and waits for its agent.
   *
   * @param prepare adds what the VM is to have at its start; is called again if the VM was a copy
   *     of a template that proves to be of no use: then the VM boots
   */
  void start(String hostname, Consumer<SandboxVm> prepare, VmListener listener) {
    prepare.accept(this);
    launch(listener);
    try {
      awaitReady(hostname);
    } catch (CasemateException e) {
      if (!isUnprovenCopy()) {
        throw e;
      }
      giveUpCopy(String.valueOf(e.getMessage()));
      start(hostname, prepare, listener);
    }
  }

  private synchronized boolean isUnprovenCopy() {
    return !closed && prepared.template().isPresent() && !trial.isAccepted();
  }

  private synchronized void giveUpCopy(String why) {
    String directory = prepared.template().orElseThrow().directory();
    if (launched.map(LaunchedVm::wasKilledFromOutside).orElse(false)) {
      warnings.accept(
          "the VM was killed as a copy of template " + directory + ": it boots instead");
    } else {
      new TemplateStore(paths).discard(directory, why, warnings);
    }
    launched.ifPresent(LaunchedVm::close);
    launched = Optional.empty();
    ready.ifPresent(ReadyVm::close);
    ready = Optional.empty();
    prepared.close();
    prepared = new PreparedVm(paths, config, warnings);
    mayCopy = false;
  }

  /** Restores the VM from a checkpoint instead of booting it. */
  void restoreFrom(VmRestore checkpoint) {
    prepared.restoreFrom(checkpoint);
  }

  /** Whether it has network cards that cannot be detached. */
  boolean hasCards() {
    return prepared.hasCards();
  }

  /** Detaches the network cards from the guest. */
  void suspendNetwork() {
    prepared.network().ifPresent(GuestNetwork::suspend);
  }

  /** Attaches the guest's network cards again. */
  void resumeNetwork() {
    prepared.network().ifPresent(GuestNetwork::resume);
  }

  /** The store keeps an image's root file system while a process holds a shared lock on it. */
  public void holdImage(String path) {
    prepared.holdImage(path);
  }

  /** Waits for the agent and sets up the sandbox in the guest. */
  private void awaitReady(String hostname) {
    LaunchedVm now = launched();
    int bootMillis = config.vm().bootTimeoutMillis();
    long begin = System.nanoTime();
    if (prepared.checkpoint().isPresent()) {
      now.machine().resume();
    }
    try {
      AgentClient client = now.connect(bootMillis);
      int waited = (int) ((System.nanoTime() - begin) / 1_000_000);
      now.awaitAgent(client, prepared, Math.max(1, bootMillis - waited), hostname);
      ReadyVm answered = new ReadyVm(prepared, now.machine(), client, config, warnings);
      // Before its network is made: what it has by then is to be given back after a failure, too.
      ready = Optional.of(answered);
      trial.accept();
      answered.grow();
      answered.configureNetwork();
    } catch (RpcException e) {
      throw BootFailure.of(now.machine(), config.vm(), e);
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
    return launched
        .flatMap(LaunchedVm::agent)
        .orElseThrow(
            () -> CasemateException.of(Kind.FAILED_PRECONDITION, "the sandbox has no agent yet"));
  }

  private LaunchedVm launched() {
    return launched.orElseThrow(
        () -> CasemateException.of(Kind.FAILED_PRECONDITION, "the sandbox has no VM yet"));
  }

  VirtualMachine machine() {
    return launched().machine();
  }

  /** The VMM's process, 0 before it exists. */
  int pid() {
    return launched.map(l -> l.machine().pid()).orElse(0);
  }

  /** Ends a VM that does not answer; listeners are notified of its end. */
  public void kill() {
    launched.ifPresent(LaunchedVm::kill);
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
    return ready
        .map(ReadyVm::volumes)
        .orElseThrow(
            () -> CasemateException.of(Kind.FAILED_PRECONDITION, "the sandbox has no VM yet"));
  }

  /** Called when a container was removed or could not be created. */
  void releaseVolumes(String containerId) {
    ready.ifPresent(r -> r.volumes().release(containerId));
  }

  /**
   * Resizes the VM for a new container or changed limits, to the sum of what its containers need.
   */
  void containerLimits(String containerId, Json.Obj limits) {
    ready.ifPresent(r -> r.containerLimits(containerId, limits));
  }

  /** Resizes the VM for the limits of the pod as a whole. */
  void podLimits(Json.Obj limits) {
    ready.ifPresent(r -> r.podLimits(limits));
  }

  /** Called when a container was removed. */
  void containerGone(String containerId) {
    ready.ifPresent(r -> r.containerGone(containerId));
  }

  /** What the VM has now. */
  public VmSize size() {
    return ready.map(ReadyVm::size).orElse(VmSize.of(config.vm()));
  }

  /** Where its network namespace is, if others furnish it. */
  Optional<String> foreignNamespace() {
    return prepared.isNetworkForeign()
        ? prepared.network().map(GuestNetwork::namespace)
        : Optional.empty();
  }

  /** Updates the guest from its network namespace; see {@link GuestNetwork#refresh}. */
  void refreshNetwork() {
    ready.ifPresent(ReadyVm::refreshNetwork);
  }

  /** When the VM was launched, on the monotonic clock; 0 before. */
  long launchedMicros() {
    return launched.map(LaunchedVm::launchedMicros).orElse(0L);
  }

  /** The guest's report of its boot; empty before the boot has ended, and for a restored VM. */
  Optional<GuestBoot> booted() {
    return launched.flatMap(LaunchedVm::booted);
  }

  /** A container is about to begin. */
  void before(Spec spec) {
    ready.ifPresent(r -> r.before(spec));
  }

  /** Begins what has no place on the way to a container's first instruction. */
  void settle() {
    ready.ifPresent(ReadyVm::settle);
  }

  /** Gives back memory that only the start needed, and has the guest report what it frees. */
  void trim() {
    ready.ifPresent(ReadyVm::trim);
  }

  /** Sets the guest's wall clock. */
  void setClock() {
    agent().setClock();
  }

  /** The VM's part of the output of {@code inspect}. */
  Json.Obj describe() {
    Json.Obj json = new Json.Obj();
    launched.ifPresent(l -> l.describe(json));
    Optional<Template> template = prepared.template();
    if (template.isPresent()) {
      // What has been plugged in since comes on top.
      long grown = (long) (size().memoryMib() - template.get().memoryMib()) << 20;
      json.put("memoryTotalBytes", template.get().report().memoryTotalBytes() + grown);
    }
    hostUse().ifPresent(use -> json.put("host", use.toJson()));
    return json;
  }

  /** What its processes cost the host; empty before there is a VMM and after its end. */
  Optional<HostUse> hostUse() {
    return launched
        .filter(l -> l.machine().exit().isEmpty())
        .map(l -> HostUse.of(l.machine().pid(), prepared.shares().daemonPid()));
  }

  /** Why the guest no longer answers. */
  public String whyLost() {
    return launched().whyLost();
  }

  public static String endedUnderContainer(VmExit exit) {
    return LaunchedVm.endedUnderContainer(exit);
  }

  /** Fails every pending call to the agent of a VM that has ended. */
  void disconnectAgent() {
    launched.ifPresent(LaunchedVm::disconnectAgent);
  }

  /** Ends the VM and frees its resources, in reverse order. Idempotent. */
  @Override
  public synchronized void close() {
    closed = true;
    launched.ifPresent(LaunchedVm::close);
    ready.ifPresent(ReadyVm::close);
    prepared.close();
  }
}
