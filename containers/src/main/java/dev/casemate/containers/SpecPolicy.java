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

  Spec spec(String hostname) {
    ProcessSpec process = process(hostname);
    Spec plain = DefaultSpec.container("rootfs", hostname, process);
    // The guest makes those that the image lacks.
    Map<String, String> annotations =
        image.volumes().isEmpty()
            ? Map.of()
            : Map.of(GuestContract.IMAGE_VOLUMES_ANNOTATION, String.join("\n", image.volumes()));
    return plain
        .withRoot(new RootSpec("rootfs", wishes.readOnly))
        .withMounts(mounts(plain.mounts()))
        .withAnnotations(annotations)
        .withLinux(linux(plain.linux()));
  }

  private ProcessSpec process(String hostname) {
    return new ProcessSpec(
        wishes.terminal,
        wishes.consoleSize,
        new UserSpec(0, 0, Optional.empty(), List.of(), wishes.user.orElse(image.user())),
        command(),
        environment(hostname),
        directory(),
        Optional.of(DefaultSpec.capabilities(capabilities())),
        List.copyOf(wishes.rlimits),
        wishes.noNewPrivileges,
        "",
        Optional.empty(),
        "",
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
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
    variables.putAll(wishes.environment);
    List<String> environment = new ArrayList<>();
    for (Map.Entry<String, String> variable : variables.entrySet()) {
      environment.add(variable.getKey() + "=" + variable.getValue());
    }
    return environment;
  }

  private List<String> capabilities() {
    LinkedHashSet<String> capabilities = new LinkedHashSet<>(DefaultSpec.CAPABILITIES);
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
    Optional<SeccompSpec> seccomp =
        wishes.unconfined ? Optional.empty() : wishes.seccomp.or(plain::seccomp);
    Map<String, String> sysctl = new LinkedHashMap<>(plain.sysctl());
    sysctl.putAll(wishes.sysctl);
    return plain
        .withResources(resources(plain.resources()))
        .withSeccomp(seccomp)
        .withSysctl(sysctl);
  }

  private Resources resources(Resources plain) {
    Resources limits =
        plain.withPidsLimit(wishes.pids > 0 ? Optional.of((long) wishes.pids) : Optional.empty());
    return wishes.cpus == Math.rint(wishes.cpus)
        ? limits
        : limits.withCpu(
            plain.cpu().withQuota(Math.round(wishes.cpus * CPU_PERIOD_MICROS), CPU_PERIOD_MICROS));
  }

  private List<MountSpec> mounts(List<MountSpec> plain) {
    List<MountSpec> mounts = new ArrayList<>(plain);
    mounts.addAll(wishes.tmpfs);
    for (Wishes.Volume volume : wishes.volumes) {
      mounts.add(bind(volume));
    }
    return mounts;
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
