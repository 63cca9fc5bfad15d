package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.ByteRing;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.GuestAddress;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.hypervisor.VmExit;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.hypervisor.VmRecord;
import dev.casemate.hypervisor.VmSnapshot;
import dev.casemate.hypervisor.VmTemplate;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.UnixSocket;
import dev.casemate.linux.UnusedPages;
import dev.casemate.linux.VsockSocket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** A running QEMU. */
final class QemuVm implements VirtualMachine {
  static final int CONSOLE_LIMIT = 64 * 1024;
  static final int MESSAGE_LIMIT = 8 * 1024;
  private static final String PANIC = "Kernel panic - not syncing:";
  private static final int PANIC_LENGTH = 200;
  private static final int DYING_MILLIS = 200;
  private static final int TRIM_ATTEMPTS = 5;
  private static final int TRIM_PAUSE_MILLIS = 200;

  private final VmRecord launched;
  private final Accelerator accelerator;
  private final Fd process;
  private final Qmp qmp;
  private final PciLayout layout;
  private final HotPlug hotPlug;
  private final Resizing resizing;
  private final ByteRing console = new ByteRing(CONSOLE_LIMIT);
  private final ByteRing message = new ByteRing(MESSAGE_LIMIT);
  private final Optional<Fd> memory;
  private final String kernel;
  private final long stateLimit;
  private final VmThread thread;

  /**
   * @param kernel the path of the guest's kernel as QEMU knows it
   * @param stateLimit see {@link StatePump#limit}
   */
  QemuVm(
      VmRecord record,
      PciLayout layout,
      Accelerator accelerator,
      Fd process,
      Fd control,
      Optional<Fd> consoleSocket,
      Fd errors,
      Optional<Fd> memory,
      String kernel,
      long stateLimit,
      VmListener listener) {
    this.kernel = kernel;
    this.stateLimit = stateLimit;
    this.launched = record;
    this.memory = memory;
    this.accelerator = accelerator;
    this.process = process;
    this.qmp = new Qmp(control, record.vmId());
    this.layout = layout;
    this.hotPlug = new HotPlug(record.vmId(), qmp, layout);
    this.resizing = new Resizing(record.vmId(), qmp);
    this.thread =
        new VmThread(
            record.vmId(),
            record.pid(),
            process,
            qmp,
            new VmThread.Stream(consoleSocket, console),
            new VmThread.Stream(Optional.of(errors), message),
            hotPlug,
            listener,
            this::panic);
    thread.start();
  }

  @Override
  public String vmId() {
    return launched.vmId();
  }

  @Override
  public int pid() {
    return launched.pid();
  }

  @Override
  public VmRecord record() {
    return launched;
  }

  @Override
  public Accelerator accelerator() {
    return accelerator;
  }

  @Override
  public Optional<VsockSocket.Peer> agentAddress() {
    return QemuSockets.agentAddress(launched);
  }

  @Override
  public Fd agentConnection(int timeoutMillis) {
    Optional<VsockSocket.Peer> address = agentAddress();
    if (address.isPresent()) {
      return dial(address.get(), timeoutMillis);
    }
    String socket = QemuSockets.agent(launched);
    if (socket.isEmpty()) {
      throw CasemateException.of(
          CasemateException.Kind.FAILED_PRECONDITION,
          "VM " + vmId() + " has no agent channel: add one to its configuration");
    }
    try {
      return UnixSocket.connect(socket);
    } catch (LinuxException e) {
      throw unreachable(e);
    }
  }

  private Fd dial(VsockSocket.Peer agent, int timeoutMillis) {
    try {
      Optional<Fd> connection =
          AgentDial.dial(AgentDial.to(agent), timeoutMillis, () -> exit().isPresent());
      if (connection.isPresent()) {
        return connection.get();
      }
    } catch (LinuxException e) {
      throw unreachable(e);
    }
    if (exit().isPresent()) {
      throw failure("connecting to the agent");
    }
    throw CasemateException.of(
        CasemateException.Kind.TIMEOUT,
        "VM "
            + vmId()
            + ": the agent did not listen on "
            + agent
            + " within "
            + timeoutMillis
            + " ms");
  }

  private CasemateException unreachable(LinuxException e) {
    return CasemateException.of(
        CasemateException.Kind.UNAVAILABLE,
        failure("connecting to the agent").getMessage() + " (" + e.getMessage() + ")",
        e);
  }

  @Override
  public byte[] console() {
    return console.content();
  }

  @Override
  public String panic() {
    return console.lastLineFrom(PANIC, PANIC_LENGTH);
  }

  @Override
  public GuestAddress address(String deviceId) {
    return layout.find(vmId(), deviceId).address();
  }

  @Override
  public GuestAddress attach(Device device) {
    return hotPlug.attach(device);
  }

  @Override
  public void detach(String deviceId, int timeoutMillis) {
    hotPlug.detach(deviceId, timeoutMillis);
  }

  @Override
  public void disconnect(String nicId) {
    hotPlug.disconnect(nicId);
  }

  @Override
  public long resizeMemory(long extraMib, int timeoutMillis) {
    return resizing.resizeMemory(extraMib, timeoutMillis);
  }

  @Override
  public int vcpus() {
    return resizing.processors();
  }

  @Override
  public void plugVcpus(int count) {
    resizing.plugProcessors(count);
  }

  @Override
  public void trim() {
    // It may be busy at one moment; where it must not be traced, it never is.
    for (int i = 0; i < TRIM_ATTEMPTS; i++) {
      if (UnusedPages.release(pid(), Set.of(kernel)) > 0
          || awaitExit(TRIM_PAUSE_MILLIS).isPresent()) {
        return;
      }
    }
  }

  @Override
  public void pause() {
    qmp.execute("stop");
  }

  @Override
  public void resume() {
    qmp.execute("cont");
  }

  @Override
  public VmSnapshot save(Fd to, int timeoutMillis) {
    List<VmSnapshot.PluggedDisk> disks = new ArrayList<>();
    for (Placement placement : layout.placements()) {
      if (placement.kind() == Placement.Kind.SHARE || placement.kind() == Placement.Kind.NIC) {
        throw CasemateException.of(
            CasemateException.Kind.FAILED_PRECONDITION,
            "VM "
                + vmId()
                + " cannot be saved: it has "
                + (placement.kind() == Placement.Kind.NIC ? "a network card" : "a file share")
                + ", \""
                + placement.deviceId()
                + "\"");
      }
      if (placement.isPlugged()) {
        disks.add(new VmSnapshot.PluggedDisk(placement.deviceId(), placement.port()));
      }
    }
    VmSnapshot snapshot = new VmSnapshot(format(), disks, resizing.pluggedProcessors());
    new Migration(vmId(), qmp).save(to, stateLimit, timeoutMillis);
    return snapshot;
  }

  /** Who writes states, and for whom. */
  private String format() {
    Json version = qmp.execute("query-version");
    Json.Obj numbers =
        version instanceof Json.Obj object
            ? object.object("qemu").orElse(new Json.Obj())
            : new Json.Obj();
    return "qemu "
        + numbers.integer("major", 0)
        + "."
        + numbers.integer("minor", 0)
        + " "
        + accelerator.kind().name().toLowerCase(Locale.ROOT);
  }

  /** Takes in a state that {@link #save} has written; the VM is paused then. */
  void load(VmSnapshot snapshot, Fd from, int timeoutMillis) {
    if (!snapshot.driver().equals(format())) {
      throw CasemateException.of(
          CasemateException.Kind.FAILED_PRECONDITION,
          "VM "
              + vmId()
              + ": its state was written by "
              + snapshot.driver()
              + ", this is "
              + format()
              + ": restore it on a machine of the same kind");
    }
    new Migration(vmId(), qmp).load(from, timeoutMillis);
  }

  /**
   * Takes in a template, on a thread of its own: memory first, while QEMU still starts, then the
   * state, then what can only be added after it. A template that cannot be read ends the VM.
   */
  void takeIn(VmTemplate template, List<Device> devices, int timeoutMillis) {
    Fd to = memory.orElseThrow();
    Thread thread =
        new Thread(
            () -> {
              try (Fd from = Fs.open(template.memory(), OpenFlag.READ_ONLY);
                  Fd state = Fs.open(template.state(), OpenFlag.READ_ONLY)) {
                FileContent.sendSparse(from, to);
                Migration migration = new Migration(vmId(), qmp);
                migration.leaveOutShared();
                migration.load(state, timeoutMillis);
                for (int i = 0; i < devices.size(); i++) {
                  if (devices.get(i) instanceof Device.FileShare share) {
                    hotPlug.attachAtStart(share, PciLayout.deviceSlot(i));
                  }
                }
                // It was saved paused.
                qmp.execute("cont");
              } catch (RuntimeException e) {
                byte[] why =
                    (VmTemplate.UNREADABLE + e.getMessage()).getBytes(StandardCharsets.UTF_8);
                message.append(why, 0, why.length);
                kill();
              }
            },
            "template");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void saveTemplate(Fd to, Fd state, int timeoutMillis) {
    Fd from =
        memory.orElseThrow(
            () ->
                CasemateException.of(
                    CasemateException.Kind.FAILED_PRECONDITION,
                    "VM "
                        + vmId()
                        + " cannot become a template: it was not started to become one"));
    Migration migration = new Migration(vmId(), qmp);
    migration.leaveOutShared();
    migration.save(state, stateLimit, timeoutMillis);
    MemoryImage.write(from, to);
  }

  @Override
  public Optional<VmExit> exit() {
    return thread.exit();
  }

  @Override
  public Optional<VmExit> awaitExit(int timeoutMillis) {
    return thread.awaitExit(timeoutMillis);
  }

  @Override
  public CasemateException failure(String doing) {
    Optional<VmExit> exit = awaitExit(DYING_MILLIS);
    String panic = panic();
    String why;
    if (exit.isPresent()) {
      why = exit.get().describe();
    } else if (!panic.isEmpty()) {
      why = "the guest kernel panicked: " + panic;
    } else {
      why = "the VM runs, but the guest does not answer; see its console";
    }
    return CasemateException.of(
        CasemateException.Kind.UNAVAILABLE, "VM " + vmId() + " failed while " + doing + ": " + why);
  }

  @Override
  public VmExit shutdown(int graceMillis) {
    if (exit().isEmpty() && graceMillis > 0) {
      try {
        qmp.post("quit");
      } catch (CasemateException e) {
        // The process is about to end, or does not listen: the kill below settles both.
      }
      Optional<VmExit> exit = awaitExit(graceMillis);
      if (exit.isPresent()) {
        return exit.get();
      }
    }
    kill();
    return awaitExit(-1).orElseThrow();
  }

  private void kill() {
    try {
      if (process.isOpen()) {
        Processes.signalPid(process, Signals.KILL);
      }
    } catch (LinuxException e) {
      if (e.errno() != Errno.ESRCH) {
        throw e;
      }
    } catch (IllegalStateException e) {
      // Closed in between: the process has ended.
    }
  }

  @Override
  public void close() {
    if (exit().isEmpty()) {
      kill();
      awaitExit(-1);
    }
    QemuSockets.remove(launched);
    Fs.unlinkIfExists(MemoryFiles.startPath(launched.runDirectory()));
    memory.ifPresent(Fd::close);
  }
}
