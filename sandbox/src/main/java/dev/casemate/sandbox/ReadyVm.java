package dev.casemate.sandbox;

import dev.casemate.base.Json;
import dev.casemate.hypervisor.Virtiofsd;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.oci.Spec;
import java.util.Optional;
import java.util.function.Consumer;

/** A sandbox's VM whose agent has answered: what changes in it while containers come and go. */
final class ReadyVm implements AutoCloseable {
  /** The driver of the device that tells the host of free pages. */
  private static final String MEMORY_REPORTING = "virtio_balloon";

  private final PreparedVm prepared;
  private final VirtualMachine machine;
  private final AgentClient agent;
  private final VmSize atStart;
  private final Volumes volumes;
  private final Optional<VmGrowth> growth;
  private final GuestClock clock;
  private final ModuleSupply modules;
  private final Consumer<String> warnings;
  private boolean following;

  ReadyVm(
      PreparedVm prepared,
      VirtualMachine machine,
      AgentClient agent,
      SandboxConfig config,
      Consumer<String> warnings) {
    this.prepared = prepared;
    this.machine = machine;
    this.agent = agent;
    this.warnings = warnings;
    this.atStart = prepared.atStart();
    this.volumes = new Volumes(prepared.shares(), machine, agent, warnings);
    this.clock = new GuestClock(agent, warnings);
    this.modules = new ModuleSupply(agent, config.vm().initramfs(), warnings);
    VmSize most = prepared.most();
    VmSize least = VmSize.of(config.vm());
    if (most.isSameAs(atStart)) {
      this.growth = Optional.empty();
    } else {
      VmSize now = prepared.checkpoint().map(VmRestore::size).orElse(atStart);
      this.growth =
          Optional.of(
              new VmGrowth(
                  config.configured(), atStart, least, most, now, machine, agent, warnings));
    }
  }

  /** Begins to give a copy of a template the memory that it was asked for. */
  void grow() {
    growth.filter(_ -> prepared.template().isPresent()).ifPresent(VmGrowth::begin);
  }

  /** Tells the guest of its network, and follows one that others furnish. */
  void configureNetwork() {
    Optional<GuestNetwork> network = prepared.network();
    if (network.isPresent()) {
      network.get().configure(machine, agent);
      if (prepared.isNetworkForeign()) {
        network.get().follow(volumes::refresh);
      }
    }
  }

  /** A container is about to begin. */
  void before(Spec spec) {
    modules.before(spec);
  }

  /** Begins what has no place on the way to a container's first instruction. */
  synchronized void settle() {
    modules.start();
    clock.start();
    Optional<Virtiofsd> daemon = prepared.shares().daemon();
    if (!following && daemon.isPresent()) {
      following = true;
      KnownFiles.follow(daemon.get(), agent, warnings);
    }
  }

  /** Gives back memory that only the start needed, and has the guest report what it frees. */
  void trim() {
    modules.add(MEMORY_REPORTING);
    machine.trim();
  }

  /** Gives the guest what its namespace has by now; see {@link GuestNetwork#refresh}. */
  void refreshNetwork() {
    volumes.refresh();
    if (prepared.isNetworkForeign()) {
      prepared.network().ifPresent(GuestNetwork::refresh);
    }
  }

  Volumes volumes() {
    return volumes;
  }

  /** What the VM has now. */
  VmSize size() {
    return growth.map(VmGrowth::size).orElse(atStart);
  }

  /** A container comes, or has other limits now. */
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

  /** Nothing waits for the guest any more; the VM must have ended. Safe to repeat. */
  @Override
  public void close() {
    clock.close();
    volumes.close();
  }
}
