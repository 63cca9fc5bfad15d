package dev.casemate.containers;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fs;
import dev.casemate.oci.DefaultSpec;
import dev.casemate.oci.ImageConfig;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Resources;
import dev.casemate.oci.RootSpec;
import dev.casemate.oci.SeccompSpec;
import dev.casemate.oci.Spec;
import dev.casemate.oci.UserSpec;
import dev.casemate.protocol.GuestContract;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** From wishes and an image's configuration to the bundle's {@code config.json}. */
final class SpecPolicy {
  private static final long CPU_PERIOD_MICROS = 100_000;

  private final Wishes wishes;
  private final ImageConfig image;

  SpecPolicy(Wishes wishes, ImageConfig image) {
    this.wishes = wishes;
    this.image = image;
  }

  /** Entry point and arguments: the user's words replace the image's, an entry point both. */
  List<String> command() {
    List<String> command = new ArrayList<>();
    if (wishes.entrypoint.isPresent()) {
      if (!wishes.entrypoint.get().isEmpty()) {
        command.add(wishes.entrypoint.get());
      }
      command.addAll(wishes.command);
    } else {
      command.addAll(image.entrypoint());
      command.addAll(wishes.command.isEmpty() ? image.cmd() : wishes.command);
    }
    if (command.isEmpty()) {
      throw Refusal.of(
          "no command was given and the image has no default; add a command after IMAGE");
    }
    return command;
  }

  /**
   * The configuration.
   *
   * @param id the container's, which the guest knows it by
   */
  Spec spec(String id, String hostname) {
    ProcessSpec process = process(hostname);
    Spec plain = DefaultSpec.container("rootfs", hostname, process);
    List<MountSpec> own = own(plain.mounts());
    List<MountSpec> asked = asked();
    List<MountSpec> volumes = imageVolumes(id, asked);
    // The guest makes them, with what the image has in their places.
    Map<String, String> annotations =
        volumes.isEmpty()
            ? Map.of()
            : Map.of(GuestContract.IMAGE_VOLUMES_ANNOTATION, annotation(volumes));
    asked.addAll(volumes);
    return plain
        .withRoot(new RootSpec("rootfs", wishes.readOnly))
        .withMounts(MountOrder.merge(own, asked))
        .withAnnotations(annotations)
        .withLinux(linux(plain.linux()));
  }

  private ProcessSpec process(String hostname) {
    return new ProcessSpec(
        wishes.terminal,
        wishes.consoleSize,
        new UserSpec(0, 0, Optional.empty(), List.of(), user()),
        command(),
        environment(hostname),
        directory(),
        Optional.of(DefaultSpec.capabilities(capabilities())),
        List.copyOf(wishes.rlimits),
        wishes.noNewPrivileges.orElse(!wishes.privileged),
        "",
        Optional.empty(),
        "",
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  /** {@code user:group:additional,groups}; the guest looks them up in the image's files. */
  private String user() {
    String user = wishes.user.orElse(image.user());
    int colon = user.indexOf(':');
    if (colon >= 0 && user.indexOf(':', colon + 1) >= 0) {
      throw Refusal.of("user \"" + user + "\" is not USER[:GROUP]");
    }
    return wishes.groups.isEmpty()
        ? user
        : user + (colon < 0 ? "::" : ":") + String.join(",", wishes.groups);
  }

  private String directory() {
    String directory =
        wishes.workdir.orElse(
            image.workingDir().isEmpty() ? ContainerDefaults.WORKDIR : image.workingDir());
    if (!directory.startsWith("/")) {
      throw Refusal.of(
          "invalid value \"" + directory + "\" for --workdir: expected an absolute path");
    }
    return directory;
  }

  private List<String> environment(String hostname) {
    Map<String, String> variables = new LinkedHashMap<>();
    variables.put("PATH", DefaultSpec.PATH);
    variables.put("HOSTNAME", hostname);
    if (wishes.terminal) {
      variables.put("TERM", "xterm");
    }
    for (String variable : image.env()) {
      int equals = variable.indexOf('=');
      // One without a value would be ours to give; an image has no business there.
      if (equals > 0) {
        variables.put(variable.substring(0, equals), variable.substring(equals + 1));
      } else if (equals == 0 || variable.isEmpty()) {
        throw Refusal.of("variable \"" + variable + "\" has no name; write NAME=VALUE");
      }
    }
    if (isSystemd(command())) {
      // What systemd looks for: without it, it takes itself for the init of a whole machine.
      variables.put("container", "casemate");
    }
    variables.putAll(wishes.environment);
    List<String> environment = new ArrayList<>();
    for (Map.Entry<String, String> variable : variables.entrySet()) {
      environment.add(variable.getKey() + "=" + variable.getValue());
    }
    return environment;
  }

  private List<String> capabilities() {
    LinkedHashSet<String> capabilities =
        new LinkedHashSet<>(wishes.privileged ? CapabilityNames.ALL : DefaultSpec.CAPABILITIES);
    for (String name : wishes.droppedCapabilities) {
      if (name.equalsIgnoreCase("all")) {
        capabilities.clear();
      }
    }
    for (String name : wishes.addedCapabilities) {
      if (name.equalsIgnoreCase("all")) {
        capabilities.addAll(CapabilityNames.ALL);
      } else {
        capabilities.add(CapabilityNames.check(name));
      }
    }
    for (String name : wishes.droppedCapabilities) {
      if (!name.equalsIgnoreCase("all")) {
        capabilities.remove(CapabilityNames.check(name));
      }
    }
    return List.copyOf(capabilities);
  }

  private LinuxSpec linux(LinuxSpec plain) {
    boolean unconfined = wishes.unconfined || (wishes.privileged && wishes.seccomp.isEmpty());
    Optional<SeccompSpec> seccomp =
        unconfined ? Optional.empty() : wishes.seccomp.or(plain::seccomp);
    Map<String, String> sysctl = new LinkedHashMap<>(plain.sysctl());
    // As other engines: the network is the container's own, so no port of it is privileged.
    sysctl.put("net.ipv4.ip_unprivileged_port_start", "0");
    sysctl.put("net.ipv4.ping_group_range", "0 2147483647");
    sysctl.putAll(wishes.sysctl);
    LinuxSpec linux =
        plain.withResources(resources(plain.resources())).withSeccomp(seccomp).withSysctl(sysctl);
    return wishes.privileged
        ? linux.withMaskedPaths(List.of()).withReadonlyPaths(List.of())
        : linux;
  }

  private Resources resources(Resources plain) {
    Resources limits =
        plain
            .withPidsLimit(wishes.pids > 0 ? Optional.of((long) wishes.pids) : Optional.empty())
            .withDevices(wishes.privileged ? List.of(DefaultSpec.EVERY_DEVICE) : plain.devices());
    return wishes.cpus == Math.rint(wishes.cpus)
        ? limits
        : limits.withCpu(
            plain.cpu().withQuota(Math.round(wishes.cpus * CPU_PERIOD_MICROS), CPU_PERIOD_MICROS));
  }

  private List<MountSpec> asked() {
    List<MountSpec> asked = new ArrayList<>(wishes.tmpfs);
    for (Wishes.Volume volume : wishes.volumes) {
      asked.add(bind(volume));
    }
    return asked;
  }

  /** Those that every container has, and what an init takes for granted. */
  private List<MountSpec> own(List<MountSpec> plain) {
    List<MountSpec> own = new ArrayList<>();
    for (MountSpec mount : plain) {
      own.add(own(mount));
    }
    if (isSystemd(command())) {
      own.add(MountSpec.of("/run", "tmpfs", "tmpfs", "nosuid", "nodev", "mode=755"));
      own.add(
          MountSpec.of("/run/lock", "tmpfs", "tmpfs", "nosuid", "nodev", "noexec", "mode=1777"));
    }
    return own;
  }

  /**
   * The directories that the image declares as volumes, but those that the user mounts something
   * on. They lie on the scratch disk beside the container's writable layer: what a layer cannot do,
   * such as being a layer of another overlay, a volume can.
   */
  private List<MountSpec> imageVolumes(String id, List<MountSpec> mounts) {
    List<MountSpec> volumes = new ArrayList<>();
    List<String> taken = new ArrayList<>();
    for (MountSpec mount : mounts) {
      taken.add(MountOrder.clean(mount.destination()));
    }
    for (String declared : image.volumes()) {
      String path = MountOrder.clean(declared);
      if (path.equals("/") || taken.contains(path) || declared.indexOf('\n') >= 0) {
        continue;
      }
      taken.add(path);
      volumes.add(
          MountSpec.of(
              path,
              "bind",
              GuestContract.imageVolumes(id) + volumes.size(),
              "bind",
              "rprivate",
              "rw"));
    }
    return volumes;
  }

  private static String annotation(List<MountSpec> volumes) {
    List<String> paths = new ArrayList<>();
    for (MountSpec volume : volumes) {
      paths.add(volume.destination());
    }
    return String.join("\n", paths);
  }

  /** A plain mount, as a privileged container or an init that manages control groups has it. */
  private MountSpec own(MountSpec mount) {
    return switch (mount.destination()) {
      // The guest's devices: those that come later, such as loop devices, appear in it.
      case "/dev" ->
          wishes.privileged
              ? MountSpec.of("/dev", "devtmpfs", "devtmpfs", "nosuid", "mode=755")
              : mount;
      case "/sys" -> wishes.privileged ? writable(mount) : mount;
      case "/sys/fs/cgroup" -> wishes.privileged || isSystemd(command()) ? writable(mount) : mount;
      default -> mount;
    };
  }

  private static MountSpec writable(MountSpec mount) {
    List<String> options = new ArrayList<>(mount.options());
    options.remove("ro");
    return MountSpec.of(
        mount.destination(), mount.type(), mount.source(), options.toArray(String[]::new));
  }

  /** Whether the command is an init that wants the container to look like a machine. */
  static boolean isSystemd(List<String> command) {
    return switch (command.getFirst()) {
      case "/sbin/init", "/usr/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd" ->
          true;
      default -> false;
    };
  }

  private static MountSpec bind(Wishes.Volume volume) {
    if (!volume.host().startsWith("/") || !volume.guest().startsWith("/")) {
      throw Refusal.of(
          "volume \""
              + volume.host()
              + ":"
              + volume.guest()
              + "\" is not HOST:GUEST[:ro] with two absolute paths, as in /srv/data:/data:ro");
    }
    if (!Fs.exists(volume.host())) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "host path \""
              + volume.host()
              + "\" of volume \""
              + volume.host()
              + ":"
              + volume.guest()
              + "\" does not exist; create it first");
    }
    return MountSpec.of(
        volume.guest(),
        "bind",
        volume.host(),
        "rbind",
        "rprivate",
        volume.readOnly() ? "ro" : "rw");
  }

  /** A file system in memory. */
  static MountSpec tmpfs(String guest, List<String> options) {
    if (!guest.startsWith("/")) {
      throw Refusal.of("mount point \"" + guest + "\" is not an absolute path");
    }
    List<String> all = new ArrayList<>(List.of("nosuid", "nodev", "noexec"));
    all.addAll(options);
    return MountSpec.of(guest, "tmpfs", "tmpfs", all.toArray(String[]::new));
  }
}
