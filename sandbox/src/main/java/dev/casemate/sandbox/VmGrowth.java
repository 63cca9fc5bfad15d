package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.OnlineCPUMemRequest;
import dev.casemate.rpc.RpcException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Makes a sandbox's VM as big as its containers want together. That it cannot become so big is no
 * error: the containers then have to do with what there is, as they have on a busy machine.
 */
final class VmGrowth {
  private static final int TIMEOUT_MILLIS = 20_000;

  /** A guest takes no less than this at a time. */
  private static final int PIECE_MIB = 4;

  /** Beside limits, a pod that has none in one respect wants nothing. */
  private static final VmSize NOTHING = new VmSize(0, 0);

  private final VmSize configured;
  private final VmSize atStart;
  private final VmSize most;
  private final VirtualMachine vm;
  private final AgentClient agent;
  private final Consumer<String> warnings;
  private final Map<String, Json.Obj> resources = new LinkedHashMap<>();
  private final VmSize requested;
  private VmSize least;
  private VmSize size;
  private boolean processorsFail;
  private boolean memoryFails;
  private boolean moduleLoaded;

  /**
   * Growth of one VM.
   *
   * @param atStart what the VMM was started with
   * @param least what the VM has at least, whatever its containers need
   */
  VmGrowth(
      VmSize configured,
      VmSize atStart,
      VmSize least,
      VmSize most,
      VmSize now,
      VirtualMachine vm,
      AgentClient agent,
      Consumer<String> warnings) {
    this.configured = configured;
    this.atStart = atStart;
    this.most = most;
    this.vm = vm;
    this.agent = agent;
    this.warnings = warnings;
    this.requested = least;
    this.least = least;
    this.size = now;
  }

  /** Asks for the least already, without waiting: it comes while other things are done. */
  synchronized void begin() {
    int extra = extra(least);
    if (extra > 0) {
      try {
        // A template's guest has the module.
        moduleLoaded = true;
        vm.resizeMemory(extra, 0);
      } catch (CasemateException e) {
        warnings.accept("the VM's memory cannot be changed: " + e.getMessage());
      }
    }
  }

  /**
   * Limits of the pod as a whole, in place of those before: the VM has room for them whatever its
   * containers want. It never becomes smaller than at its start.
   */
  synchronized void atLeast(Json.Obj limits) {
    least = VmSize.wanted(NOTHING, requested, most, List.of(limits));
    resize();
  }

  /** A container comes, or has other limits now. */
  synchronized void put(String containerId, Json.Obj limits) {
    resources.put(containerId, limits);
    resize();
  }

  synchronized void remove(String containerId) {
    // With the last container the VM goes, too.
    if (resources.remove(containerId) != null && !resources.isEmpty()) {
      resize();
    }
  }

  /** What the VM has now. */
  synchronized VmSize size() {
    return size;
  }

  private void resize() {
    VmSize wanted = VmSize.wanted(configured, least, most, resources.values());
    int memory = size.memoryMib();
    int vcpus = size.vcpus();
    boolean more = false;
    int extra = extra(wanted);
    if (extra != memory - atStart.memoryMib()) {
      try {
        if (!moduleLoaded) {
          online(vcpus, false);
          moduleLoaded = true;
        }
        // No caller waits for memory to be given back: the guest may need long or be unable to.
        boolean grows = extra > memory - atStart.memoryMib();
        long got = vm.resizeMemory(extra, grows && !memoryFails ? TIMEOUT_MILLIS : 0);
        more = got > memory - atStart.memoryMib();
        memory = atStart.memoryMib() + (int) got;
        if (grows && got < extra && !memoryFails) {
          // It may come yet, but no later call waits for this guest.
          memoryFails = true;
          warnings.accept(
              "the guest accepted only " + got + " MiB of the " + extra + " MiB to be added");
        }
      } catch (CasemateException | RpcException e) {
        warnings.accept("the VM's memory cannot be changed: " + e.getMessage());
      }
    }
    if (wanted.vcpus() > vcpus && !processorsFail) {
      try {
        vm.plugVcpus(wanted.vcpus());
        online(wanted.vcpus(), true);
        vcpus = wanted.vcpus();
        more = false;
      } catch (CasemateException | RpcException e) {
        // A kernel newer than 6.11 does not see processors that come later, under emulation.
        processorsFail = true;
        warnings.accept(
            "the VM remains at "
                + vcpus
                + " vCPUs instead of "
                + wanted.vcpus()
                + ": "
                + e.getMessage());
      }
    }
    if (more) {
      online(vcpus, false);
    }
    size = new VmSize(memory, vcpus);
  }

  /**
   * What is to be plugged in: what a copy of a template lacks of the memory that was requested, and
   * whole blocks above that, but no more than the VM may have.
   */
  private int extra(VmSize wanted) {
    int lacking = roundUp(requested.memoryMib() - atStart.memoryMib(), PIECE_MIB);
    int blocks = roundUp(wanted.memoryMib() - requested.memoryMib(), VmSize.BLOCK_MIB);
    int most = roundUp(this.most.memoryMib() - atStart.memoryMib(), PIECE_MIB);
    return Math.min(lacking + blocks, most);
  }

  private static int roundUp(int mib, int unit) {
    return Math.max(0, (mib + unit - 1) / unit * unit);
  }

  private void online(int vcpus, boolean wait) {
    agent.call(
        AgentService.ONLINE_CPU_MEM,
        OnlineCPUMemRequest.builder().wait_(wait).nbCpus(vcpus).build());
  }
}
