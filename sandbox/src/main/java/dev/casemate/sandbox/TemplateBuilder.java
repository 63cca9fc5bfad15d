package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.hypervisor.FileMark;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.hypervisor.Vmm;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Machine;
import dev.casemate.linux.OpenFlag;
import dev.casemate.protocol.GuestContract;
import dev.casemate.protocol.casemate.ClockReading;
import dev.casemate.protocol.casemate.ClockRequest;
import dev.casemate.rpc.RpcException;
import dev.casemate.vmms.Vmms;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Makes a template: boots a VM that has only the agent's channel and memory that can grow, waits
 * for the agent, and saves it.
 */
public final class TemplateBuilder {
  private static final int SAVE_MILLIS = 120_000;
  private static final long CLOCK_NANOS = 200_000_000L;

  /** Of the ratio of guest and host; a busy host answers late. */
  private static final double CLOCK_TOLERANCE = 0.2;

  private static final int ATTEMPTS = 3;
  private static final String SANDBOX = "template-";
  private static final int CREATE = OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE;

  /** Modules that any copy may need: loaded once here, they cost a copy nothing. */
  static final List<String> MODULES =
      List.of(
          GuestContract.OVERLAY_MODULES,
          GuestContract.BLOCK_MODULES,
          "erofs",
          "ext4",
          GuestContract.SHARE_MODULES,
          GuestContract.NET_MODULES,
          GuestContract.MEMORY_MODULES);

  private final SandboxPaths paths;
  private final TemplateKind kind;
  private final JailOptions jail;
  private final Consumer<String> warnings;
  private final TemplateStore store;
  private final Vmm vmm;

  /**
   * A builder of one template.
   *
   * @param jail how its VMM is confined
   */
  public TemplateBuilder(
      SandboxPaths paths, TemplateKind kind, JailOptions jail, Consumer<String> warnings) {
    this(paths, kind, jail, Vmms.named(kind.hypervisor()), warnings);
  }

  TemplateBuilder(
      SandboxPaths paths, TemplateKind kind, JailOptions jail, Vmm vmm, Consumer<String> warnings) {
    this.paths = paths;
    this.kind = kind;
    this.jail = jail;
    this.warnings = warnings;
    this.store = new TemplateStore(paths);
    this.vmm = vmm;
  }

  /**
   * Makes the template unless it exists.
   *
   * @return the template; empty if another process is making it
   * @throws CasemateException if its VM does not boot or cannot be saved
   */
  public Optional<Template> build(int bootMillis) {
    String facts = kind.facts(vmm);
    Optional<Template> existing = store.find(facts, warnings);
    if (existing.isPresent()) {
      return existing;
    }
    String key = TemplateKind.key(facts);
    String id = SANDBOX + key;
    Optional<OwnerProcess.Claim> claim =
        OwnerProcess.claim(paths, id, () -> Fs.exists(paths.processes(id)));
    if (claim.isEmpty()) {
      return Optional.empty();
    }
    try (OwnerProcess.Claim _ = claim.get()) {
      // The builder before this one may have been faster.
      existing = store.find(facts, warnings);
      return existing.isPresent() ? existing : Optional.of(make(id, key, facts, bootMillis));
    } finally {
      Leftovers.removeDirectory(paths, id);
    }
  }

  private Template make(String id, String key, String facts, int bootMillis) {
    String unfinished = store.directory(key) + TemplateStore.UNFINISHED;
    FileTree.makeDirectories(paths.templates(), 0700);
    try {
      GuestBoot boot = save(id, unfinished, bootMillis, ATTEMPTS);
      Template template =
          new Template(
              unfinished,
              kind,
              facts,
              TemplateKind.MEMORY_MIB,
              TemplateKind.maxMemoryMib(),
              System.currentTimeMillis(),
              FileMark.of(unfinished + Template.MEMORY),
              FileMark.of(unfinished + Template.STATE),
              boot.report());
      template.write();
      store.prune(vmm);
      Fs.rename(unfinished, store.directory(key));
      return Template.read(store.directory(key));
    } catch (RuntimeException e) {
      FileTree.removeTree(unfinished);
      store.failed(key, String.valueOf(e.getMessage()));
      throw e;
    }
  }

  /**
   * A kernel measures its counter when it boots. On a machine that is very busy the result can be
   * wrong, and with it the clocks of all copies.
   */
  private static void checkClock(AgentClient client) {
    ClockReading before = client.clock(ClockRequest.builder().build());
    long hostBefore = Machine.monotonicMicros();
    LockSupport.parkNanos(CLOCK_NANOS);
    ClockReading after = client.clock(ClockRequest.builder().build());
    double host = Machine.monotonicMicros() - hostBefore;
    double guest = after.rawMicros() - before.rawMicros();
    if (Math.abs(guest / host - 1) > CLOCK_TOLERANCE) {
      throw CasemateException.of(
          Kind.UNAVAILABLE,
          "the clock of the template's guest runs "
              + Math.round(guest / host * 100)
              + " % as fast as the host's: the machine was too busy while it booted");
    }
  }

  private SandboxConfig config(String id, int bootMillis) {
    VmOptions options =
        new VmOptions(
            kind.hypervisor(),
            kind.accelerator(),
            kind.kernel(),
            kind.initramfs(),
            TemplateKind.MEMORY_MIB,
            kind.vcpus(),
            bootMillis,
            TemplateUse.NEVER);
    return new SandboxConfig(
        id,
        options,
        Optional.empty(),
        false,
        VmConfig.MAX_HOTPLUG_PORTS,
        VmSize.of(options),
        new VmSize(TemplateKind.maxMemoryMib(), kind.maxVcpus()),
        jail);
  }

  private GuestBoot save(String id, String directory, int bootMillis, int attempts) {
    FileTree.removeTree(directory);
    Fs.makeDirectory(directory, 0700);
    try {
      return save(id, directory, bootMillis);
    } catch (CasemateException e) {
      if (attempts <= 1 || e.kind() != Kind.UNAVAILABLE) {
        throw e;
      }
      return save(id, directory, bootMillis, attempts - 1);
    }
  }

  private GuestBoot save(String id, String directory, int bootMillis) {
    SandboxConfig config = config(id, bootMillis);
    try (PreparedVm prepared = new PreparedVm(paths, config, warnings)) {
      prepared.becomesTemplate();
      LaunchedVm launched =
          new LaunchedVm(prepared.launch(vmm, VmListener.NONE), Optional.empty(), warnings);
      try (Fd memory = Fs.open(directory + Template.MEMORY, CREATE, 0600);
          Fd state = Fs.open(directory + Template.STATE, CREATE, 0600)) {
        prepared.confine(launched.machine(), launched::sharesLost);
        GuestBoot boot;
        try (AgentClient client = launched.connect(bootMillis)) {
          boot = GuestBoot.await(client, bootMillis);
          checkClock(client);
        } catch (RpcException e) {
          throw BootFailure.of(launched.machine(), config.vm(), e);
        }
        launched.machine().pause();
        launched.machine().saveTemplate(memory, state, SAVE_MILLIS);
        // A record of a file whose bytes are lost with the next power failure would be a lie.
        FileContent.sync(memory);
        FileContent.sync(state);
        return boot;
      } catch (LinuxException e) {
        throw CasemateException.of(
            Kind.RESOURCE_EXHAUSTED,
            "the template cannot be written to " + directory + ": " + e.getMessage(),
            e);
      } finally {
        launched.machine().close();
      }
    }
  }
}
