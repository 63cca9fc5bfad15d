package dev.casemate.shim;

import dev.casemate.network.NetworkConfig;
import dev.casemate.oci.CasemateException;
import dev.casemate.oci.Json;
import dev.casemate.sandbox.SandboxConfig;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.VmOptions;
import java.util.Optional;

/** What a shim's VM is to be, from the node's configuration and the container's specification. */
final class Boot {
  private static final int HOTPLUG_PORTS = 8;
  private static final int HOSTNAME_LIMIT = 63;

  private final ShimRecord record;
  private final SandboxPaths paths;
  private Optional<CasemateException> failure = Optional.empty();

  Boot(ShimRecord record, SandboxPaths paths) {
    this.record = record;
    this.paths = paths;
  }

  /**
   * The sandbox's configuration. What is wrong with it is kept for {@link #check}: whoever creates
   * the container must be told.
   */
  SandboxConfig config(Optional<Json.Obj> spec) {
    try {
      RuntimeConfig config = RuntimeConfig.load(record.options(), paths);
      Json.Obj json = spec.orElseGet(Json.Obj::new);
      config = Annotations.apply(config, json.stringMap("annotations"));
      Optional<NetworkConfig> network =
          spec.isEmpty()
              ? Optional.empty()
              : Optional.of(NetworkConfig.ofSpec(json, config.networkModel()));
      return new SandboxConfig(
          record.sandboxId(), config.vmOptions(), network, true, HOTPLUG_PORTS);
    } catch (CasemateException e) {
      failure = Optional.of(e);
      VmOptions none = new VmOptions("qemu", "auto", "/", "/", 64, 1, 1);
      return new SandboxConfig(record.sandboxId(), none, Optional.empty(), true, 0);
    }
  }

  /** Throws what was wrong with the configuration. */
  void check() {
    if (failure.isPresent()) {
      throw failure.get();
    }
  }

  /** The VM's name: that of the pod or container. */
  String hostname(Json.Obj spec) {
    String name = spec.string("hostname");
    String own = name.isEmpty() ? record.group() : name;
    return own.substring(0, Math.min(own.length(), HOSTNAME_LIMIT));
  }
}
