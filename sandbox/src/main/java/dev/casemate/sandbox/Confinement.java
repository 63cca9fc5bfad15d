package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.Virtiofsd;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.hypervisor.VmRecord;
import dev.casemate.jail.JailUser;
import dev.casemate.jail.UserRange;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What keeps a sandbox's processes apart on the host: the VMM's user and the control group of all
 * of them. The record on disk tells at each moment what there is, so that another process can clean
 * up.
 */
final class Confinement implements AutoCloseable {
  /** What a VM's processes may use beside its memory; emulation translates into up to 1 GiB. */
  private static final int TCG_OVERHEAD_MIB = 1536;

  private static final int KVM_OVERHEAD_MIB = 512;

  /** Threads of VMM, daemon and sandbox process: each running command of a container has a few. */
  private static final int PROCESSES_LIMIT = 16_384;

  private final SandboxPaths paths;
  private final String id;
  private final JailOptions jail;
  private final Consumer<String> warnings;
  private HostTraces traces = HostTraces.NONE;
  private Optional<HostCgroup> cgroup = Optional.empty();

  Confinement(SandboxPaths paths, SandboxConfig config, Consumer<String> warnings) {
    this.paths = paths;
    this.id = config.id();
    this.jail = config.jail();
    this.warnings = warnings;
  }

  private void record(HostTraces now) {
    traces = now;
    Leftovers.record(paths, id, now);
  }

  /**
   * Makes the control group of all that is started from here on.
   *
   * @return the user of the VMM; empty if it is not to be jailed
   */
  Optional<JailUser> begin() {
    if (!jail.cgroup().isEmpty()) {
      try {
        HostCgroup group = HostCgroup.create(jail.cgroup());
        cgroup = Optional.of(group);
        record(traces.withCgroup(group.path()));
        if (jail.ownProcess()) {
          group.join();
        }
      } catch (CasemateException e) {
        warnings.accept("the sandbox's processes are not counted or limited: " + e.getMessage());
      }
    }
    if (!jail.enabled()) {
      return Optional.empty();
    }
    JailUser owner = jail.users().take(paths.sandbox(id));
    record(traces.withUser(owner));
    return Optional.of(owner);
  }

  void started(Virtiofsd daemon) {
    record(traces.withShareDaemon(daemon));
    count(daemon.pid());
  }

  void started(VmRecord process) {
    record(traces.withVm(process));
    count(process.pid());
  }

  /** A process that was not born in the group. */
  private void count(int pid) {
    if (cgroup.isPresent() && !jail.ownProcess()) {
      cgroup.get().add(pid);
    }
  }

  /**
   * Limits the group.
   *
   * @param most what the VM may grow to
   */
  void limit(VirtualMachine machine, VmSize most) {
    if (cgroup.isEmpty()) {
      return;
    }
    int overhead =
        machine.accelerator().kind() == Accelerator.Kind.TCG ? TCG_OVERHEAD_MIB : KVM_OVERHEAD_MIB;
    String unlimited =
        cgroup.get().limit((long) (most.memoryMib() + overhead) << 20, PROCESSES_LIMIT);
    if (!unlimited.isEmpty()) {
      warnings.accept(
          "control group "
              + jail.cgroup()
              + " counts the sandbox's processes, but does not limit "
              + unlimited);
    }
  }

  /** Gives back user and group; the processes must have ended. Safe to repeat. */
  @Override
  public void close() {
    traces.user().ifPresent(owner -> UserRange.release(owner, paths.sandbox(id)));
    cgroup.ifPresent(HostCgroup::close);
    cgroup = Optional.empty();
  }
}
