package dev.casemate.containers;

import dev.casemate.image.PullPolicy;
import dev.casemate.image.PullProgress;
import dev.casemate.image.RegistryOptions;
import dev.casemate.linux.Machine;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.ProcessSpec.ConsoleSize;
import dev.casemate.oci.ProcessSpec.Rlimit;
import dev.casemate.oci.SeccompSpec;
import dev.casemate.sandbox.TemplateUse;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** All that a {@link ContainerBuilder} was told; what it was not told has its default here. */
final class Wishes {
  /** A directory or file of the host that the container sees. */
  record Volume(String host, String guest, boolean readOnly) {}

  final String image;
  final long beganMicros = Machine.monotonicMicros();
  final List<String> command = new ArrayList<>();
  final Map<String, String> environment = new LinkedHashMap<>();
  final List<Volume> volumes = new ArrayList<>();
  final List<MountSpec> tmpfs = new ArrayList<>();
  final List<String> publish = new ArrayList<>();
  final List<String> dns = new ArrayList<>();
  final List<String> groups = new ArrayList<>();
  final List<String> addedCapabilities = new ArrayList<>();
  final List<String> droppedCapabilities = new ArrayList<>();
  final List<Rlimit> rlimits = new ArrayList<>();
  final Map<String, String> sysctl = new LinkedHashMap<>();
  final Map<String, String> labels = new LinkedHashMap<>();
  Optional<String> name = Optional.empty();
  Optional<String> hostname = Optional.empty();
  Optional<String> entrypoint = Optional.empty();
  Optional<String> workdir = Optional.empty();
  Optional<String> user = Optional.empty();
  Optional<String> network = Optional.empty();
  Optional<String> stopSignal = Optional.empty();
  Optional<ConsoleSize> consoleSize = Optional.empty();
  Optional<SeccompSpec> seccomp = Optional.empty();
  boolean unconfined;
  boolean privileged;
  Optional<Boolean> noNewPrivileges = Optional.empty();
  boolean terminal;
  boolean autoRemove;
  boolean readOnly;
  boolean sharedRoot;
  int memoryMib = ContainerDefaults.MEMORY_MIB;
  double cpus = ContainerDefaults.CPUS;
  int pids = ContainerDefaults.PIDS;
  int scratchMib = ContainerDefaults.SCRATCH_MIB;
  int stopTimeoutSeconds = ContainerDefaults.STOP_TIMEOUT_SECONDS;
  int bootTimeoutSeconds = ContainerDefaults.BOOT_TIMEOUT_SECONDS;
  String hypervisor = ContainerDefaults.HYPERVISOR;
  String accelerator = ContainerDefaults.ACCELERATOR;
  String template = TemplateUse.byDefault().word();
  String agentChannel = ContainerDefaults.AGENT_CHANNEL;
  String guest = ContainerDefaults.GUEST;
  String kernel = "";
  String initramfs = "";
  PullPolicy pull = PullPolicy.MISSING;
  PullProgress progress = PullProgress.NONE;
  Consumer<String> warnings = warning -> {};
  RegistryOptions registry = RegistryOptions.defaults();

  Wishes(String image) {
    this.image = image;
  }
}
