package dev.casemate.containers;

import dev.casemate.image.PullPolicy;
import dev.casemate.image.PullProgress;
import dev.casemate.image.RegistryOptions;
import dev.casemate.oci.ProcessSpec.ConsoleSize;
import dev.casemate.oci.ProcessSpec.Rlimit;
import dev.casemate.oci.SeccompSpec;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The configuration of a new container. Each method corresponds to the option of {@code casemate
 * run} that its text names, and errors refer to that option; {@link ContainerDefaults} has the
 * defaults and the ranges. {@link #prepare} checks the values.
 */
public final class ContainerBuilder {
  private final Casemate casemate;
  private final Wishes wishes;

  ContainerBuilder(Casemate casemate, String image) {
    this.casemate = casemate;
    this.wishes = new Wishes(image);
  }

  /**
   * Checks all values, and pulls the image if necessary; starts nothing.
   *
   * @throws dev.casemate.base.CasemateException INVALID_ARGUMENT for an invalid value, NOT_FOUND
   *     for an image, guest or path that does not exist
   */
  public PreparedContainer prepare() {
    return PreparedContainer.of(casemate, wishes);
  }

  /** {@link #prepare}, and {@link PreparedContainer#create}. */
  public Container create() {
    return prepare().create();
  }

  /** The command, or the arguments of the entry point; by default the image's. */
  public ContainerBuilder command(String... words) {
    return command(List.of(words));
  }

  /** As {@link #command(String...)}. */
  public ContainerBuilder command(List<String> words) {
    wishes.command.clear();
    wishes.command.addAll(words);
    return this;
  }

  /** {@code --entrypoint}: instead of the image's entry point and command; empty for none. */
  public ContainerBuilder entrypoint(String entrypoint) {
    wishes.entrypoint = Optional.of(entrypoint);
    return this;
  }

  /** {@code --name}: unique on this machine; by default two random words. */
  public ContainerBuilder name(String name) {
    wishes.name = Optional.of(name);
    return this;
  }

  /** {@code --hostname}: 1 to 64 bytes; by default the short id. */
  public ContainerBuilder hostname(String hostname) {
    wishes.hostname = Optional.of(hostname);
    return this;
  }

  /** {@code --env}. */
  public ContainerBuilder environment(String variable, String value) {
    if (variable.isEmpty()) {
      throw Refusal.of("variable \"=" + value + "\" has no name; write NAME=VALUE");
    }
    wishes.environment.put(variable, value);
    return this;
  }

  /** {@code --workdir}: an absolute path; by default the image's. */
  public ContainerBuilder workdir(String workdir) {
    wishes.workdir = Optional.of(workdir);
    return this;
  }

  /** {@code --user}: USER[:GROUP] by name or number; by default the image's. */
  public ContainerBuilder user(String user) {
    wishes.user = Optional.of(user);
    return this;
  }

  /** {@code --group-add}: one more group, by name or number. */
  public ContainerBuilder addGroup(String group) {
    if (group.isEmpty() || group.indexOf(':') >= 0 || group.indexOf(',') >= 0) {
      throw Refusal.of(
          "option --group-add is \"" + group + "\", expected the name or number of one group");
    }
    wishes.groups.add(group);
    return this;
  }

  /** {@code --volume}: a directory or file of the host, both as absolute paths. */
  public ContainerBuilder volume(String host, String guest, boolean readOnly) {
    wishes.volumes.add(new Wishes.Volume(host, guest, readOnly));
    return this;
  }

  /**
   * {@code --tmpfs}: a file system in memory, with mount options in addition to {@code
   * nosuid,nodev,noexec}.
   */
  public ContainerBuilder tmpfs(String guest, List<String> options) {
    wishes.tmpfs.add(SpecPolicy.tmpfs(guest, options));
    return this;
  }

  /** {@code --publish}: {@code [ADDRESS:][HOST:]PORT[/udp]}. */
  public ContainerBuilder publish(String port) {
    wishes.publish.add(port);
    return this;
  }

  /** {@code --network}: {@code none} or {@code bridge}; see {@link ContainerDefaults#network}. */
  public ContainerBuilder network(String network) {
    wishes.network = Optional.of(network);
    return this;
  }

  /** {@code --dns}: a name server; by default those of the host. */
  public ContainerBuilder dns(String address) {
    wishes.dns.add(address);
    return this;
  }

  /** {@code --memory}: of the VM, in MiB. */
  public ContainerBuilder memoryMib(int memoryMib) {
    wishes.memoryMib = memoryMib;
    return this;
  }

  /** {@code --cpus}: of the VM; a fraction limits CPU time. */
  public ContainerBuilder cpus(double cpus) {
    wishes.cpus = cpus;
    return this;
  }

  /** {@code --pids-limit}: maximum number of processes; −1 for no limit. */
  public ContainerBuilder pidsLimit(int most) {
    wishes.pids = most;
    return this;
  }

  /**
   * {@code --scratch}: size of the disk for the container's writes, in MiB; 0 keeps them in the
   * VM's memory.
   */
  public ContainerBuilder scratchMib(int scratchMib) {
    wishes.scratchMib = scratchMib;
    return this;
  }

  /** {@code --read-only}: whether the container's root is read-only. */
  public ContainerBuilder readOnly(boolean readOnly) {
    wishes.readOnly = readOnly;
    return this;
  }

  /**
   * {@code --privileged}: all of the VM: every capability, device and system call, and its kernel's
   * files writable. The host stays out of reach.
   */
  public ContainerBuilder privileged() {
    wishes.privileged = true;
    return this;
  }

  /** {@code --cap-add}: a capability, or ALL. */
  public ContainerBuilder addCapability(String capability) {
    wishes.addedCapabilities.add(capability);
    return this;
  }

  /** {@code --cap-drop}: a capability, or ALL. */
  public ContainerBuilder dropCapability(String capability) {
    wishes.droppedCapabilities.add(capability);
    return this;
  }

  /**
   * {@code --security-opt no-new-privileges}; true by default, false for a privileged container.
   */
  public ContainerBuilder noNewPrivileges(boolean on) {
    wishes.noNewPrivileges = Optional.of(on);
    return this;
  }

  /** {@code --security-opt seccomp=FILE}: another filter of system calls. */
  public ContainerBuilder seccomp(SeccompSpec filter) {
    wishes.unconfined = false;
    wishes.seccomp = Optional.of(filter);
    return this;
  }

  /** {@code --security-opt seccomp=unconfined}: no filter of system calls in the guest. */
  public ContainerBuilder seccompUnconfined() {
    wishes.unconfined = true;
    return this;
  }

  /** {@code --ulimit}. */
  public ContainerBuilder rlimit(Rlimit limit) {
    wishes.rlimits.add(limit);
    return this;
  }

  /** {@code --sysctl}: a kernel parameter of the guest. */
  public ContainerBuilder sysctl(String parameter, String value) {
    wishes.sysctl.put(parameter, value);
    return this;
  }

  /** {@code --label}. */
  public ContainerBuilder label(String label, String value) {
    wishes.labels.put(label, value);
    return this;
  }

  /** {@code --stop-signal}: by name or number; by default the image's. */
  public ContainerBuilder stopSignal(String stopSignal) {
    wishes.stopSignal = Optional.of(stopSignal);
    return this;
  }

  /** {@code --stop-timeout}: how long a stop waits before it kills. */
  public ContainerBuilder stopTimeoutSeconds(int stopTimeoutSeconds) {
    wishes.stopTimeoutSeconds = stopTimeoutSeconds;
    return this;
  }

  /** {@code --boot-timeout}: how long the guest may take to answer. */
  public ContainerBuilder bootTimeoutSeconds(int bootTimeoutSeconds) {
    wishes.bootTimeoutSeconds = bootTimeoutSeconds;
    return this;
  }

  /** {@code --tty}: a terminal, and its size if known. */
  public ContainerBuilder terminal(Optional<ConsoleSize> size) {
    wishes.terminal = true;
    wishes.consoleSize = size;
    return this;
  }

  /** {@code --rm}: whether the container is removed when it ends. */
  public ContainerBuilder autoRemove(boolean on) {
    wishes.autoRemove = on;
    return this;
  }

  /** {@code --pull}: when the image is pulled; by default if it is missing. */
  public ContainerBuilder pull(PullPolicy policy) {
    wishes.pull = policy;
    return this;
  }

  /** Receives the progress of the pull. */
  public ContainerBuilder progress(PullProgress follower) {
    wishes.progress = follower;
    return this;
  }

  /**
   * Receives warnings about the image store; without it they are dropped.
   *
   * @param follower gets one line for each warning
   */
  public ContainerBuilder warnings(Consumer<String> follower) {
    wishes.warnings = follower;
    return this;
  }

  /** {@code --insecure}, {@code --ca-file} and other options for registries. */
  public ContainerBuilder registry(RegistryOptions options) {
    wishes.registry = options;
    return this;
  }

  /** {@code --rootfs virtiofs}: the image reaches the VM as a shared directory, not as a disk. */
  public ContainerBuilder shareRoot(boolean on) {
    wishes.sharedRoot = on;
    return this;
  }

  /** {@code --hypervisor}: a driver's name. */
  public ContainerBuilder hypervisor(String driver) {
    wishes.hypervisor = driver;
    return this;
  }

  /** {@code --template}: {@code auto}, {@code existing} or {@code never}. */
  public ContainerBuilder template(String use) {
    wishes.template = use;
    return this;
  }

  /** {@code --accel}: {@code auto}, {@code kvm} or {@code tcg}. */
  public ContainerBuilder accelerator(String accelerator) {
    wishes.accelerator = accelerator;
    return this;
  }

  /** {@code --agent-channel}: {@code serial} or {@code vsock}. */
  public ContainerBuilder agentChannel(String channel) {
    wishes.agentChannel = channel;
    return this;
  }

  /** {@code --guest}: the guest to boot. */
  public ContainerBuilder guest(String guest) {
    wishes.guest = guest;
    return this;
  }

  /** {@code --kernel}: boot this file instead. */
  public ContainerBuilder kernel(String path) {
    wishes.kernel = path;
    return this;
  }

  /** {@code --initramfs}: boot this file instead. */
  public ContainerBuilder initramfs(String path) {
    wishes.initramfs = path;
    return this;
  }
}
