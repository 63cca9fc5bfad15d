package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.Capability;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.Finding;
import dev.casemate.hypervisor.GuestAddress;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmEvent;
import dev.casemate.hypervisor.VmExit;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.hypervisor.VmRecord;
import dev.casemate.hypervisor.VmSnapshot;
import dev.casemate.hypervisor.VmTemplate;
import dev.casemate.hypervisor.Vmm;
import dev.casemate.linux.Fd;
import dev.casemate.linux.UnixSocket;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.CreateSandboxRequest;
import dev.casemate.protocol.casemate.BootReport;
import dev.casemate.protocol.casemate.ClockReading;
import dev.casemate.protocol.casemate.GuestService;
import dev.casemate.protocol.casemate.PersonalizeRequest;
import dev.casemate.rpc.RpcContext;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcService;
import dev.casemate.rpc.RpcStatus;
import dev.casemate.rpc.TtrpcServer;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A VMM whose VMs are a socket with an agent behind it: no process, no root, milliseconds. */
final class FakeVmm implements Vmm {
  /** How the next VM's guest behaves. */
  enum Guest {
    ANSWERS,
    SILENT,
    PANICS,
    /** Something kills its VMM. */
    IS_KILLED
  }

  final Set<Capability> capabilities = EnumSet.allOf(Capability.class);

  /** What happened, in order. */
  final List<String> journal = new CopyOnWriteArrayList<>();

  /** What the guest was asked for first. */
  volatile CreateSandboxRequest created = CreateSandboxRequest.builder().build();

  /** Counted down when the last VM ends. */
  final CountDownLatch over = new CountDownLatch(1);

  volatile Guest guest = Guest.ANSWERS;

  /** How fast the guest's counter runs. */
  volatile int clockPercent = 100;

  /** How the guest of a copy of a template behaves. */
  volatile Guest copy = Guest.ANSWERS;

  /** What a copy was asked for first. */
  volatile PersonalizeRequest personalized = PersonalizeRequest.builder().build();

  /** Whether the guest leaves signals unanswered until its VM ends. */
  volatile boolean deaf;

  volatile String launchFailure = "";

  @Override
  public String name() {
    return "fake";
  }

  @Override
  public Set<Capability> capabilities() {
    return Set.copyOf(capabilities);
  }

  /** Another one stands for another version of the VMM. */
  volatile String identity = "fake 1";

  @Override
  public String identity() {
    return identity;
  }

  @Override
  public List<Finding> check() {
    return List.of();
  }

  @Override
  public VirtualMachine launch(VmConfig config, VmListener listener) {
    journal.add("launch");
    if (!launchFailure.isEmpty()) {
      throw CasemateException.of(Kind.FAILED_PRECONDITION, launchFailure);
    }
    return new Machine(config, listener, guest);
  }

  @Override
  public VirtualMachine copy(VmConfig config, VmTemplate template, VmListener listener) {
    journal.add("copy " + config.memoryMib() + " MiB");
    return new Machine(config, listener, copy);
  }

  @Override
  public VirtualMachine restore(
      VmConfig config,
      VmSnapshot snapshot,
      List<Device.Disk> disks,
      Fd from,
      int timeoutMillis,
      Consumer<VmRecord> launched,
      VmListener listener) {
    journal.add("restore");
    Machine machine = new Machine(config, listener, guest);
    launched.accept(machine.record());
    return machine;
  }

  @Override
  public void cleanUp(VmRecord record) {
    journal.add("clean up");
  }

  /** The agent's end; answers as {@link Guest} says. */
  private final class Agent implements RpcService {
    private final String name;

    Agent(String name) {
      this.name = name;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public byte[] call(String method, byte[] payload, RpcContext context) {
      return switch (method) {
        case GuestService.CLOCK ->
            ClockReading.builder()
                .rawMicros(dev.casemate.linux.Machine.monotonicMicros() * clockPercent / 100)
                .build()
                .encode();
        case GuestService.BOOT -> BootReport.builder().kernelRelease("6.1").build().encode();
        case AgentService.CREATE_SANDBOX, AgentService.DESTROY_SANDBOX -> {
          journal.add(method);
          if (method.equals(AgentService.CREATE_SANDBOX)) {
            created = CreateSandboxRequest.decode(payload);
          }
          yield ProtoMessage.NO_BYTES;
        }
        case GuestService.PERSONALIZE -> {
          personalized = PersonalizeRequest.decode(payload);
          journal.add(method);
          yield ProtoMessage.NO_BYTES;
        }
        case AgentService.ONLINE_CPU_MEM -> ProtoMessage.NO_BYTES;
        case AgentService.CREATE_CONTAINER,
            AgentService.START_CONTAINER,
            AgentService.CLOSE_STDIN ->
            ProtoMessage.NO_BYTES;
        case AgentService.SIGNAL_PROCESS -> {
          journal.add(method);
          yield deaf ? untilOver() : ProtoMessage.NO_BYTES;
        }
        case AgentService.WAIT_PROCESS, AgentService.READ_STDOUT, AgentService.READ_STDERR ->
            untilOver();
        default -> throw RpcException.unimplemented(name, method);
      };
    }

    private byte[] untilOver() {
      try {
        over.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      throw new RpcException(RpcStatus.UNAVAILABLE, "the VM is over");
    }
  }

  private final class Machine implements VirtualMachine {
    private final VmConfig config;
    private final VmListener listener;
    private final Fd[] ends = UnixSocket.pair();
    private final CountDownLatch ended = new CountDownLatch(1);
    private Optional<TtrpcServer> server = Optional.empty();
    private volatile Optional<VmExit> exit = Optional.empty();

    Machine(VmConfig config, VmListener listener, Guest behaviour) {
      this.config = config;
      this.listener = listener;
      if (behaviour == Guest.ANSWERS) {
        TtrpcServer agent =
            new TtrpcServer(List.of(new Agent(AgentService.NAME), new Agent(GuestService.NAME)));
        agent.start(new FdChannel(ends[1]));
        server = Optional.of(agent);
      } else if (behaviour == Guest.IS_KILLED) {
        end(137, VmEvent.ShutdownReason.UNKNOWN, "");
      } else if (behaviour == Guest.PANICS) {
        end(VmEvent.ShutdownReason.GUEST_PANIC, "Kernel panic - not syncing: a test's");
      }
    }

    private void end(VmEvent.ShutdownReason reason, String panic) {
      end(0, reason, panic);
    }

    private synchronized void end(int status, VmEvent.ShutdownReason reason, String panic) {
      if (exit.isPresent()) {
        return;
      }
      VmExit how = new VmExit(Optional.of(status), reason, "", panic);
      exit = Optional.of(how);
      server.ifPresentOrElse(TtrpcServer::close, ends[1]::close);
      ended.countDown();
      over.countDown();
      listener.event(new VmEvent.Exited(how));
    }

    @Override
    public String vmId() {
      return config.vmId();
    }

    @Override
    public int pid() {
      return 1;
    }

    @Override
    public VmRecord record() {
      return new VmRecord(name(), vmId(), 1, 0, config.runDirectory(), new Json.Obj());
    }

    @Override
    public Accelerator accelerator() {
      return new Accelerator(Accelerator.Kind.TCG, "fake");
    }

    @Override
    public Fd agentConnection(int timeoutMillis) {
      return ends[0];
    }

    @Override
    public byte[] console() {
      return "the console\n".getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public String panic() {
      return exit.map(VmExit::panic).orElse("");
    }

    @Override
    public GuestAddress address(String deviceId) {
      return new GuestAddress.Mmio("/dev/" + deviceId);
    }

    @Override
    public GuestAddress attach(Device device) {
      journal.add("attach " + device.id());
      return address(device.id());
    }

    @Override
    public void detach(String deviceId, int timeoutMillis) {
      journal.add("detach " + deviceId);
    }

    @Override
    public void disconnect(String nicId) {
      journal.add("disconnect " + nicId);
    }

    @Override
    public long resizeMemory(long extraMib, int timeoutMillis) {
      journal.add("memory +" + extraMib);
      return extraMib;
    }

    @Override
    public int vcpus() {
      return config.vcpus();
    }

    @Override
    public void plugVcpus(int count) {
      journal.add("vcpus " + count);
    }

    @Override
    public void pause() {
      journal.add("pause");
    }

    @Override
    public void resume() {
      journal.add("resume");
    }

    @Override
    public VmSnapshot save(Fd to, int timeoutMillis) {
      journal.add("save");
      return new VmSnapshot(name(), List.of(), List.of());
    }

    @Override
    public void saveTemplate(Fd memory, Fd state, int timeoutMillis) {
      journal.add("save template");
      memory.writeAll("memory".getBytes(StandardCharsets.UTF_8));
      state.writeAll("state".getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public Optional<VmExit> exit() {
      return exit;
    }

    @Override
    public Optional<VmExit> awaitExit(int timeoutMillis) {
      try {
        if (timeoutMillis < 0) {
          ended.await();
        } else if (!ended.await(Math.min(timeoutMillis, 10), TimeUnit.MILLISECONDS)) {
          return Optional.empty();
        }
        return exit;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return exit;
      }
    }

    @Override
    public CasemateException failure(String doing) {
      return CasemateException.of(
          Kind.UNAVAILABLE,
          "VM failed while " + doing + ": " + exit.map(VmExit::describe).orElse("it is silent"));
    }

    @Override
    public VmExit shutdown(int graceMillis) {
      journal.add("shutdown");
      end(VmEvent.ShutdownReason.HOST_QUIT, "");
      return exit.orElseThrow();
    }

    @Override
    public void close() {
      end(VmEvent.ShutdownReason.HOST_QUIT, "");
      journal.add("close");
    }
  }
}
