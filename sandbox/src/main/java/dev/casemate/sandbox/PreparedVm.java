package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VhostVsock;
import dev.casemate.hypervisor.Virtiofsd;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmConfig.AcceleratorChoice;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.hypervisor.VmRecord;
import dev.casemate.hypervisor.Vmm;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Text;
import dev.casemate.protocol.GuestContract;
import dev.casemate.protocol.agent.CreateSandboxRequest;
import dev.casemate.protocol.agent.Storage;
import dev.casemate.protocol.casemate.PersonalizeRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What a sandbox's VM needs on the host: shares, disks, network, kernel modules, confinement. It is
 * collected before the launch, handed to the VMM by it, and given back after the VM's end.
 */
final class PreparedVm implements AutoCloseable {
  private static final String CHANNEL = "agent";

  private final SandboxPaths paths;
  private final SandboxConfig config;
  private final Consumer<String> warnings;
  private final Shares shares;
  private final Confinement confinement;
  private final List<Device> disks = new ArrayList<>();
  private final List<Fd> holds = new ArrayList<>();
  private final StringBuilder modules = new StringBuilder(GuestContract.OVERLAY_MODULES);
  private Optional<VmRestore> checkpoint = Optional.empty();
  private Optional<Template> template = Optional.empty();
  private boolean becomesTemplate;
  private boolean hasOwnDevices;
  private Map<String, String> sysctls = Map.of();

  /** Is attached by the launch, as late as possible. */
  private volatile Optional<GuestNetwork> network = Optional.empty();

  PreparedVm(SandboxPaths paths, SandboxConfig config, Consumer<String> warnings) {
    this.paths = paths;
    this.config = config;
    this.warnings = warnings;
    this.confinement = new Confinement(paths, config, warnings);
    String run = paths.sandbox(config.id());
    this.shares = new Shares(run + "/shared", run + "/virtiofs.sock");
  }

  Shares shares() {
    return shares;
  }

  void addDisk(Device.Disk disk, String fstype) {
    disks.add(disk);
    modules.append(',').append(GuestContract.BLOCK_MODULES).append(',').append(fstype);
  }

  /** The store keeps an image's root file system while a process holds a shared lock on it. */
  void holdImage(String path) {
    try {
      Fd root = Fs.open(path, OpenFlag.READ_ONLY);
      holds.add(root);
      Fs.lock(root, false, true);
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "the image's root file system no longer exists ("
              + e.getMessage()
              + "): the image was just removed; try again",
          e);
    }
  }

  /** Kernel parameters that the guest is to have before its first container. */
  void sysctls(Map<String, String> values) {
    sysctls = Map.copyOf(values);
  }

  /** The VM is to go on from a checkpoint instead of booting. */
  void restoreFrom(VmRestore from) {
    checkpoint = Optional.of(from);
  }

  /** What the VM goes on from; empty if it boots. */
  Optional<VmRestore> checkpoint() {
    return checkpoint;
  }

  /** The VM is to start as a copy of a template instead of booting. */
  void copyOf(Template from) {
    template = Optional.of(from);
  }

  /** What the VM is a copy of; empty if it boots. */
  Optional<Template> template() {
    return template;
  }

  /** The VM is to be saved as a template: whatever a copy may need is loaded. */
  void becomesTemplate() {
    becomesTemplate = true;
    modules.setLength(0);
    modules.append(String.join(",", TemplateBuilder.MODULES));
  }

  /** What the agent of a copy is asked for first. */
  PersonalizeRequest personalizeRequest(byte[] seed) {
    return PersonalizeRequest.builder()
        .seed(seed)
        .findDevices(hasOwnDevices)
        .moduleGroups(Text.split(modules.toString(), ','))
        .build();
  }

  /** The VM's network; empty before the launch, and if it is to have none. */
  Optional<GuestNetwork> network() {
    return network;
  }

  /** Whether another program may add interfaces to the network's namespace or remove them. */
  boolean isNetworkForeign() {
    return SandboxNetworks.isForeign(config.network());
  }

  /** What the VM may grow to. */
  VmSize most() {
    return VmSize.of(config.vm()).growingTo(config.most());
  }

  /** What the VM has before it grows: a copy of a template has less than it was asked for. */
  VmSize atStart() {
    return template
        .map(t -> new VmSize(t.memoryMib(), config.vm().vcpus()))
        .orElse(VmSize.of(config.vm()));
  }

  /**
   * Starts the VMM with all that was collected.
   *
   * @return the VM; {@link #close} does not end it
   * @throws CasemateException FAILED_PRECONDITION if the VMM lacks a capability
   */
  VirtualMachine launch(Vmm vmm, VmListener listener) {
    SandboxDemands.checkStart(vmm, config, !shares.isEmpty(), checkpoint.isPresent());
    Optional<VhostVsock> vsock =
        config.vm().agentChannel() == AgentChannel.VSOCK
            ? Optional.of(VhostVsock.claim())
            : Optional.empty();
    List<Fd> taps = new ArrayList<>();
    try {
      VmConfig.Builder builder = builder(channel(vsock));
      if (vsock.isPresent()) {
        builder.kernelParameter(GuestContract.CHANNEL_PARAMETER + GuestContract.VSOCK_CHANNEL);
      }
      builder.jail(confinement.begin());
      serveShares(builder);
      attachNetwork(builder, taps);
      builder.kernelParameter(GuestContract.MODULES_PARAMETER + modules);
      VmConfig built = builder.build();
      hasOwnDevices = built.devices().size() > 1;
      return launch(vmm, built, listener);
    } finally {
      taps.forEach(Fd::close);
      vsock.ifPresent(VhostVsock::close);
    }
  }

  private static Device.Channel channel(Optional<VhostVsock> vsock) {
    if (vsock.isEmpty()) {
      return new Device.SerialChannel(CHANNEL, GuestContract.AGENT_PORT);
    }
    return new Device.VsockChannel(
        CHANNEL, vsock.get().device(), vsock.get().cid(), GuestContract.AGENT_VSOCK_PORT);
  }

  private VmConfig.Builder builder(Device.Channel channel) {
    VmOptions options = config.vm();
    VmConfig.Builder builder =
        VmConfig.builder(config.id(), paths.sandbox(config.id()) + "/vm")
            .kernel(options.kernel())
            .initramfs(options.initramfs())
            .memoryMib(atStart().memoryMib())
            .vcpus(options.vcpus())
            .accelerator(AcceleratorChoice.of(options.accelerator()))
            .console(true)
            .hotplugPorts(template.isPresent() ? VmConfig.MAX_HOTPLUG_PORTS : config.hotplugPorts())
            .becomesTemplate(becomesTemplate)
            .device(channel);
    for (Device disk : disks) {
      builder.device(disk);
    }
    VmSize most =
        template.map(t -> new VmSize(t.maxMemoryMib(), t.kind().maxVcpus())).orElse(most());
    if (!most.isSameAs(VmSize.of(options))) {
      builder.maxMemoryMib(most.memoryMib()).maxVcpus(most.vcpus());
    }
    return builder;
  }

  private void serveShares(VmConfig.Builder builder) {
    if (!config.sharing() && shares.isEmpty()) {
      return;
    }
    Virtiofsd daemon = shares.serve(config.jail().enabled());
    confinement.started(daemon);
    builder.device(new Device.FileShare("share", GuestContract.SHARED_TAG, daemon.socketPath()));
    modules.append(',').append(GuestContract.SHARE_MODULES);
  }

  private void attachNetwork(VmConfig.Builder builder, List<Fd> taps) {
    network = SandboxNetworks.attach(paths, config.id(), config.network(), warnings);
    if (network.isEmpty()) {
      return;
    }
    // Docker looks for the namespace by the VMM's process.
    builder.networkNamespace(network.get().namespace());
    if (!cardsComeLater()) {
      for (Device card : network.get().cards(taps)) {
        builder.device(card);
      }
    }
    modules.append(taps.isEmpty() && !cardsComeLater() ? "" : "," + GuestContract.NET_MODULES);
  }

  private VirtualMachine launch(Vmm vmm, VmConfig built, VmListener listener) {
    // From its first moment on another command can clean up after it.
    Consumer<VmRecord> record = confinement::started;
    if (checkpoint.isPresent()) {
      return checkpoint.get().launch(vmm, built, record, listener);
    }
    VirtualMachine launched =
        template.isPresent()
            ? vmm.copy(built, template.get().files(), listener)
            : vmm.launch(built, listener);
    record.accept(launched.record());
    return launched;
  }

  /**
   * Limits the processes of a VM that was launched, and watches those that it cannot do without.
   *
   * @param sharesLost is called when the daemon of the shares has ended before {@link #close}
   */
  void confine(VirtualMachine machine, Runnable sharesLost) {
    confinement.limit(machine, most());
    shares.onDaemonEnd(sharesLost);
  }

  /**
   * Whether network cards are plugged in once the guest is up: then they can be taken out of it for
   * a checkpoint. It costs time, so only where one can be made.
   */
  private boolean cardsComeLater() {
    return !config.sharing() && config.hotplugPorts() > 0;
  }

  /** Whether the VM has cards that cannot be taken out. */
  boolean hasCards() {
    return !cardsComeLater() && network.isPresent() && network.get().hasCards();
  }

  /** What the guest's agent is asked for first. */
  CreateSandboxRequest sandboxRequest(String hostname) {
    List<Storage> storages = new ArrayList<>();
    if (shares.isServed()) {
      storages.add(
          Storage.builder()
              .driver("virtio-fs")
              .source(GuestContract.SHARED_TAG)
              .fstype("virtiofs")
              .mountPoint(GuestContract.SHARED)
              .build());
    }
    return CreateSandboxRequest.builder()
        .hostname(hostname)
        .sandboxId(config.id())
        .dns(resolverLines())
        .storages(storages)
        .sysctls(sysctls)
        .build();
  }

  /** The lines of {@code resolv.conf} for the guest. */
  List<String> resolverLines() {
    return network.isPresent() ? network.get().resolverLines() : List.of();
  }

  /** Gives everything back; the VM must have ended. Safe to repeat. */
  @Override
  public void close() {
    network.ifPresent(GuestNetwork::close);
    shares.close();
    for (Fd hold : holds) {
      hold.close();
    }
    SandboxNetworks.release(paths, config.id());
    confinement.close();
  }
}
