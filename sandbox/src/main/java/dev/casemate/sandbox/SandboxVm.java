package dev.casemate.sandbox;

import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.Virtiofsd;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmConfig.AcceleratorChoice;
import dev.casemate.hypervisor.VmExit;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.hypervisor.qemu.QemuDriver;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Machine;
import dev.casemate.linux.OpenFlag;
import dev.casemate.oci.CasemateException;
import dev.casemate.oci.CasemateException.Kind;
import dev.casemate.oci.Json;
import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.CreateSandboxRequest;
import dev.casemate.protocol.agent.DestroySandboxRequest;
import dev.casemate.protocol.agent.Storage;
import dev.casemate.protocol.casemate.BootReport;
import dev.casemate.protocol.casemate.BootRequest;
import dev.casemate.protocol.casemate.GuestService;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;
import dev.casemate.rpc.TtrpcClient;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A sandbox's VM with all that it needs on the host, from nothing to an agent that answers, and
 * back to nothing.
 *
 * <p>The steps are: prepare (network, shares, disks), launch (the VMM runs), ready (the agent has
 * answered). A VM that is cloned from a template will enter at the same last step.
 */
final class SandboxVm implements AutoCloseable {
  private static final int CONSOLE_TAIL_LINES = 8;
  private static final int DESTROY_TIMEOUT_MILLIS = 3_000;
  private static final int SHUTDOWN_GRACE_MILLIS = 1_000;
  private static final int LOST_GRACE_MILLIS = 3_000;
  private static final String ROOT_DISK = "root";
  private static final String SCRATCH_DISK = "scratch";

  private final SandboxPaths paths;
  private final ContainerConfig config;
  private final Shares shares;
  private Optional<String> rootShare = Optional.empty();
  private Optional<SandboxNetworks.Attachment> network = Optional.empty();
  private Optional<VirtualMachine> vm = Optional.empty();
  private Optional<AgentClient> agent = Optional.empty();
  private long launchedMicros;
  private long agentMainMicros;
  private long agentReadyMicros;
  private Optional<BootReport> bootReport = Optional.empty();
  private Optional<Fd> rootHold = Optional.empty();

  SandboxVm(SandboxPaths paths, ContainerConfig config) {
    this.paths = paths;
    this.config = config;
    String run = paths.sandbox(config.id());
    this.shares = new Shares(run + "/shared", run + "/virtiofs.sock");
  }

  Shares shares() {
    return shares;
  }

  /**
   * Prepares and starts the VMM; returns as soon as its process exists. Shares must have been
   * added.
   */
  void launch(VmListener listener) {
    VmOptions options = config.vm();
    if (!options.hypervisor().equals("qemu")) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "hypervisor \"" + options.hypervisor() + "\" is unknown; this build has: qemu");
    }
    VmConfig.Builder builder =
        VmConfig.builder(config.id(), paths.sandbox(config.id()) + "/vm")
            .kernel(options.kernel())
            .initramfs(options.initramfs())
            .memoryMib(options.memoryMib())
            .vcpus(options.vcpus())
            .accelerator(AcceleratorChoice.valueOf(options.accelerator().toUpperCase(Locale.ROOT)))
            .console(true)
            .device(new Device.SerialChannel("agent", "dev.casemate.agent"));
    StringBuilder modules = new StringBuilder("overlay");
    switch (config.rootfs()) {
      case RootFs.Erofs erofs -> {
        holdRoot(erofs.path());
        builder.device(new Device.Disk(ROOT_DISK, erofs.path(), true));
        modules.append(",block,erofs");
      }
      case RootFs.Directory directory ->
          rootShare = Optional.of(shares.add(directory.path(), true, false));
    }
    if (config.scratchMib() > 0) {
      String scratch = paths.container(config.id()) + "/scratch.ext4";
      ScratchDisk.create(paths, config.scratchMib(), scratch);
      builder.device(new Device.Disk(SCRATCH_DISK, scratch, false));
      modules.append(",block,ext4");
    }
    Optional<Virtiofsd> shareDaemon = Optional.empty();
    if (!shares.isEmpty()) {
      Virtiofsd daemon = shares.serve();
      shareDaemon = Optional.of(daemon);
      Leftovers.record(paths, config.id(), Optional.empty(), shareDaemon);
      builder.device(new Device.FileShare("share", Shares.TAG, daemon.socketPath()));
      modules.append(",virtiofs");
    }
    network = SandboxNetworks.attach(paths, config);
    if (network.isPresent()) {
      builder.networkNamespace(network.get().namespace()).device(network.get().nic());
      modules.append(",net");
    }
    builder.kernelParameter("casemate.modules=" + modules);
    VirtualMachine launched = new QemuDriver().launch(builder.build(), listener);
    launchedMicros = Machine.monotonicMicros();
    vm = Optional.of(launched);
    Leftovers.record(paths, config.id(), Optional.of(launched.record()), shareDaemon);
  }

  /** The store keeps an image's root file system while somebody holds a shared lock on it. */
  private void holdRoot(String path) {
    try {
      Fd root = Fs.open(path, OpenFlag.READ_ONLY);
      rootHold = Optional.of(root);
      Fs.lock(root, false, true);
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "the image's root file system is gone ("
              + e.getMessage()
              + "): the image was removed a moment ago; run again",
          e);
    }
  }

  /** Waits for the agent and sets the sandbox up in the guest. */
  void awaitReady(String hostname) {
    VirtualMachine machine = machine();
    int timeout = config.vm().bootTimeoutMillis();
    AgentClient client =
        new AgentClient(
            new TtrpcClient(new FdChannel(machine.agentConnection()), "the guest's agent"));
    agent = Optional.of(client);
    try {
      BootReport report =
          BootReport.decode(
              client.call(
                  GuestService.NAME, GuestService.BOOT, BootRequest.builder().build(), timeout));
      agentReadyMicros = Machine.monotonicMicros();
      // Both clocks tick alike: the guest says how long before its answer its main() began.
      long inGuest = report.readyMicros() - report.mainMicros();
      agentMainMicros = agentReadyMicros - Math.clamp(inGuest, 0, timeout * 1000L);
      bootReport = Optional.of(report);
      client.createSandbox(sandboxRequest(hostname), AgentClient.CALL_TIMEOUT_MILLIS);
      if (network.isPresent()) {
        network.get().configureGuest(client);
      }
    } catch (RpcException e) {
      throw bootFailure(machine, timeout, e);
    }
  }

  private CreateSandboxRequest sandboxRequest(String hostname) {
    List<Storage> storages = new ArrayList<>();
    if (!shares.isEmpty()) {
      storages.add(
          Storage.builder()
              .driver("virtio-fs")
              .source(Shares.TAG)
              .fstype("virtiofs")
              .mountPoint(Shares.GUEST_DIRECTORY)
              .build());
    }
    return CreateSandboxRequest.builder()
        .hostname(hostname)
        .sandboxId(config.id())
        .dns(resolverLines())
        .storages(storages)
        .build();
  }

  private List<String> resolverLines() {
    return network.isPresent() ? network.get().resolverLines() : List.of();
  }

  /** Whether the guest was given name servers. */
  boolean hasResolver() {
    return !resolverLines().isEmpty();
  }

  private CasemateException bootFailure(VirtualMachine machine, int timeoutMillis, RpcException e) {
    boolean ended = machine.awaitExit(200).isPresent();
    String what;
    if (ended) {
      what = String.valueOf(machine.failure("starting the guest").getMessage());
    } else if (e.status() == RpcStatus.DEADLINE_EXCEEDED) {
      what = "the guest's agent did not answer within " + timeoutMillis / 1000 + " s";
    } else {
      what = "the guest's agent cannot be talked to: " + e.text();
    }
    return CasemateException.of(
        ended ? Kind.UNAVAILABLE : Kind.TIMEOUT,
        what
            + "; check kernel "
            + config.vm().kernel()
            + " and initramfs "
            + config.vm().initramfs()
            + " with: casemate doctor"
            + consoleTail(machine),
        e);
  }

  /** The last lines of the guest's console, cleaned for a terminal. */
  private static String consoleTail(VirtualMachine machine) {
    byte[] console = machine.console();
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    for (byte b : console) {
      if (b == '\n') {
        if (!line.isEmpty()) {
          lines.add(line.toString());
        }
        line.setLength(0);
      } else if (b >= ' ' && b < 0x7f && line.length() < 200) {
        line.append((char) b);
      }
    }
    if (!line.isEmpty()) {
      lines.add(line.toString());
    }
    if (lines.isEmpty()) {
      return "; its console is empty";
    }
    StringBuilder tail = new StringBuilder("; last lines of its console:");
    for (String last :
        lines.subList(Math.max(0, lines.size() - CONSOLE_TAIL_LINES), lines.size())) {
      tail.append("\n  | ").append(last);
    }
    return tail.toString();
  }

  /** How the guest mounts the container's root: read-only image below, scratch above. */
  List<Storage> rootStorages(String directory) {
    List<Storage> storages = new ArrayList<>();
    String lower;
    if (rootShare.isPresent()) {
      // Behind the dot lies the file system that virtiofsd announces for a mount; overlayfs refuses
      // the automount point itself.
      lower = rootShare.get() + "/.";
    } else {
      lower = directory + "/lower";
      storages.add(
          Storage.builder()
              .driver("blk")
              .source(machine().pciPath(ROOT_DISK))
              .fstype("erofs")
              .options(List.of("ro"))
              .mountPoint(lower)
              .build());
    }
    String scratch = directory + "/scratch";
    if (config.scratchMib() > 0) {
      storages.add(
          Storage.builder()
              .driver("blk")
              .source(machine().pciPath(SCRATCH_DISK))
              .fstype("ext4")
              // Without a thread that fills inode tables behind the workload's back.
              .options(List.of("noinit_itable"))
              .mountPoint(scratch)
              .build());
    } else {
      storages.add(
          Storage.builder()
              .driver("ephemeral")
              .source("tmpfs")
              .fstype("tmpfs")
              .options(List.of("mode=0755"))
              .mountPoint(scratch)
              .build());
    }
    storages.add(
        Storage.builder()
            .driver("overlayfs")
            .source("overlay")
            .fstype("overlay")
            .options(
                List.of(
                    "lowerdir=" + lower,
                    "upperdir=" + scratch + "/upper",
                    "workdir=" + scratch + "/work"))
            .mountPoint(directory + "/rootfs")
            .build());
    return storages;
  }

  AgentClient agent() {
    return agent.orElseThrow(
        () -> CasemateException.of(Kind.FAILED_PRECONDITION, "the sandbox has no agent yet"));
  }

  private VirtualMachine machine() {
    return vm.orElseThrow(
        () -> CasemateException.of(Kind.FAILED_PRECONDITION, "the sandbox has no VM yet"));
  }

  Optional<VirtualMachine> vm() {
    return vm;
  }

  /** The sandbox's address in the bridge's network, or empty. */
  String address() {
    return network.map(SandboxNetworks.Attachment::address).orElse("");
  }

  Optional<BootReport> bootReport() {
    return bootReport;
  }

  long launchedMicros() {
    return launchedMicros;
  }

  long agentMainMicros() {
    return agentMainMicros;
  }

  long agentReadyMicros() {
    return agentReadyMicros;
  }

  /** What inspect tells of the VM. */
  Json.Obj describe() {
    Json.Obj json = new Json.Obj();
    vm.ifPresent(
        machine ->
            json.put("pid", machine.pid())
                .put("accelerator", machine.accelerator().kind().name().toLowerCase(Locale.ROOT))
                .put("acceleratorReason", machine.accelerator().reason()));
    bootReport.ifPresent(
        report ->
            json.put("kernelRelease", report.kernelRelease())
                .put("agentVersion", report.agentVersion())
                .put("machine", report.machine())
                .put("memoryTotalBytes", report.memoryTotalBytes())
                .put("agentRssBytes", report.agentRssBytes()));
    return json;
  }

  /** Why the guest does not answer any more. */
  String whyLost() {
    return machine()
        .awaitExit(LOST_GRACE_MILLIS)
        .map(SandboxVm::endedUnderContainer)
        .orElse("the guest's agent went silent: the connection to it broke, but its VM still runs");
  }

  static String endedUnderContainer(VmExit exit) {
    return "the VM ended under the container: " + exit.describe();
  }

  /** Fails every call that still waits for the agent of a VM that is gone. */
  void disconnectAgent() {
    agent.ifPresent(AgentClient::close);
  }

  /** Ends the VM and frees all that it had, in reverse order. Safe to repeat. */
  @Override
  public void close() {
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
    shares.close();
    rootHold.ifPresent(Fd::close);
    SandboxNetworks.release(paths, config.id());
  }
}
