package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.oci.DeviceSpec;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.GuestContract;
import dev.casemate.protocol.casemate.GuestService;
import dev.casemate.protocol.casemate.ModuleWish;
import dev.casemate.protocol.casemate.SuppliedModule;
import dev.casemate.protocol.casemate.SupplyModulesRequest;
import dev.casemate.rpc.ConnectionLostException;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * Gives the guest's kernel the modules that it asks for while containers run: netfilter, bridges,
 * tunnels, file systems. The guest names them; it gets what the guest's own pack has, and nothing
 * else of the host.
 */
final class ModuleSupply {
  /**
   * A kernel asks anew each time that it lacks something, such as the protocol of a socket; after
   * so many wishes it has to wait, so that a guest cannot keep the host busy with them.
   */
  static final int PROMPT_WISHES = 4096;

  private static final int PAUSE_MILLIS = 20;

  private static final int BATCH_BYTES = 3 << 20;

  /** What iptables of the old kind needs before it can ask the kernel for anything. */
  private static final List<String> NETWORK_ADMINISTRATION = List.of("ip_tables", "ip6_tables");

  private final AgentClient agent;
  private final String path;
  private final Consumer<String> warnings;
  private final Set<String> sent = ConcurrentHashMap.newKeySet();
  private final Object packs = new Object();
  private Optional<ModulePack> pack = Optional.empty();
  private volatile boolean usable;
  private boolean started;

  /**
   * @param initramfs of the VM, beside which the pack lies; without a pack nothing is supplied
   */
  ModuleSupply(AgentClient agent, String initramfs, Consumer<String> warnings) {
    this.agent = agent;
    this.path = initramfs.substring(0, initramfs.lastIndexOf('/') + 1) + GuestContract.MODULE_PACK;
    this.warnings = warnings;
    this.usable = Fs.exists(path);
  }

  /** Has all ready before a container begins that may need modules at once. */
  synchronized void before(Spec spec) {
    if (!usable || !isLikely(spec)) {
      return;
    }
    List<String> names = new ArrayList<>();
    if (has(spec, "CAP_NET_ADMIN")) {
      names.addAll(NETWORK_ADMINISTRATION);
    }
    try {
      supply(names, "", false);
    } catch (ConnectionLostException e) {
      // The start of the container fails and reports it.
    } catch (RpcException | CasemateException | LinuxException e) {
      failed(e);
    }
  }

  /** Loads a module, if the pack has it: a kernel may have it built in. */
  void add(String module) {
    if (!usable) {
      return;
    }
    try {
      supply(List.of(module), "", false);
    } catch (ConnectionLostException e) {
      // The VM has ended.
    } catch (RpcException | CasemateException | LinuxException e) {
      failed(e);
    }
  }

  /** Answers the kernel's wishes from now on. */
  synchronized void start() {
    if (usable && !started) {
      started = true;
      Threads.start("modules", this::run);
    }
  }

  /** Whether a container can make the kernel load anything, but protocols of sockets. */
  static boolean isLikely(Spec spec) {
    for (DeviceSpec device : spec.linux().devices()) {
      if (device.path().equals("/dev/net/tun") || device.path().equals("/dev/fuse")) {
        return true;
      }
    }
    return has(spec, "CAP_NET_ADMIN") || has(spec, "CAP_SYS_ADMIN");
  }

  private static boolean has(Spec spec, String capability) {
    return spec.process()
        .flatMap(process -> process.capabilities())
        .filter(sets -> sets.bounding().contains(capability))
        .isPresent();
  }

  private void run() {
    try {
      String wish = supply(List.of(), "", true);
      for (long wishes = 1; ; wishes++) {
        Thread.sleep(pauseMillis(wishes));
        wish = supply(List.of(wish), wish, true);
      }
    } catch (ConnectionLostException | InterruptedException e) {
      // It ends with the VM.
    } catch (RpcException | CasemateException | LinuxException e) {
      failed(e);
    }
  }

  /** How long a wish has to wait, which is one of so many. */
  static int pauseMillis(long wishes) {
    return wishes > PROMPT_WISHES ? PAUSE_MILLIS : 0;
  }

  private void failed(RuntimeException e) {
    usable = false;
    if (!(e instanceof RpcException rpc) || rpc.status() != RpcStatus.UNIMPLEMENTED) {
      warnings.accept("the guest gets no kernel modules on demand: " + e.getMessage());
    }
  }

  /** Sends what is missing for some wishes, and returns the guest's next one. */
  private String supply(List<String> wishes, String answered, boolean next) {
    List<SuppliedModule> batch = new ArrayList<>();
    long bytes = 0;
    for (String wish : wishes) {
      for (String name : pack().order(wish)) {
        Optional<byte[]> content = sent.add(name) ? pack().content(name) : Optional.empty();
        if (content.isEmpty()) {
          continue;
        }
        if (bytes + content.get().length > BATCH_BYTES) {
          call(batch, "", false);
          batch = new ArrayList<>();
          bytes = 0;
        }
        bytes += content.get().length;
        batch.add(SuppliedModule.builder().name(name).content(content.get()).build());
      }
    }
    return call(batch, answered, next);
  }

  private String call(List<SuppliedModule> modules, String answered, boolean next) {
    return agent
        .ask(
            GuestService.NAME,
            GuestService.SUPPLY_MODULES,
            SupplyModulesRequest.builder().modules(modules).wish(answered).next(next).build(),
            next ? AgentClient.NO_TIMEOUT : AgentClient.CALL_TIMEOUT_MILLIS,
            AgentClient.SMALL_ANSWER,
            ModuleWish::decode)
        .name();
  }

  private ModulePack pack() {
    synchronized (packs) {
      if (pack.isEmpty()) {
        pack = Optional.of(ModulePack.open(path));
      }
      return pack.get();
    }
  }
}
