package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Sizes;
import dev.casemate.commandline.UsageException;
import dev.casemate.containers.ContainerBuilder;
import dev.casemate.containers.ContainerDefaults;
import dev.casemate.image.PullPolicy;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Text;
import dev.casemate.linux.Tty;
import dev.casemate.oci.ProcessSpec.ConsoleSize;
import dev.casemate.oci.ProcessSpec.Rlimit;
import dev.casemate.oci.SeccompSpec;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The words of {@code casemate run} as wishes. What they mean, what is the default and what cannot
 * be, {@code containers} decides.
 */
final class RunWishes {
  private static final int FILE_LIMIT = 4 << 20;

  private RunWishes() {}

  static void tell(ContainerBuilder builder, Arguments arguments, List<String> command) {
    builder.command(command);
    arguments.last("entrypoint").ifPresent(builder::entrypoint);
    arguments.last("name").ifPresent(builder::name);
    arguments.last("hostname").ifPresent(builder::hostname);
    arguments.last("workdir").ifPresent(builder::workdir);
    arguments.last("user").ifPresent(builder::user);
    arguments.all("group-add").forEach(builder::addGroup);
    arguments.last("network").ifPresent(builder::network);
    arguments.last("stop-signal").ifPresent(builder::stopSignal);
    arguments.all("publish").forEach(builder::publish);
    arguments.all("dns").forEach(builder::dns);
    builder.readOnly(arguments.has("read-only")).autoRemove(arguments.has("rm"));
    if (arguments.has("tty")) {
      builder.terminal(consoleSize());
    }
    arguments.all("label").forEach(label -> label(builder, label));
    environment(builder, arguments);
    security(builder, arguments);
    mounts(builder, arguments);
    limits(builder, arguments);
    machine(builder, arguments);
    image(builder, arguments);
  }

  /** The size of our terminal, if we have one, so that the process begins with it. */
  static Optional<ConsoleSize> consoleSize() {
    if (!Tty.isTerminal(Fd.STDOUT)) {
      return Optional.empty();
    }
    Tty.Size size = Tty.size(Fd.STDOUT);
    return Optional.of(new ConsoleSize(size.rows(), size.columns()));
  }

  private static void label(ContainerBuilder builder, String label) {
    int equals = label.indexOf('=');
    builder.label(
        equals < 0 ? label : label.substring(0, equals),
        equals < 0 ? "" : label.substring(equals + 1));
  }

  private static void environment(ContainerBuilder builder, Arguments arguments) {
    for (String file : arguments.all("env-file")) {
      EnvFile.lines(file, readFile(file, "--env-file")).forEach(line -> variable(builder, line));
    }
    arguments.all("env").forEach(text -> variable(builder, text));
  }

  /** Without a value, ours; if we have none, none. */
  private static void variable(ContainerBuilder builder, String text) {
    int equals = text.indexOf('=');
    if (equals == 0 || text.isEmpty()) {
      throw new UsageException("variable \"" + text + "\" has no name; write NAME=VALUE");
    }
    String ours = equals < 0 ? System.getenv(text) : text.substring(equals + 1);
    if (ours != null) {
      builder.environment(equals < 0 ? text : text.substring(0, equals), ours);
    }
  }

  private static void security(ContainerBuilder builder, Arguments arguments) {
    if (arguments.has("privileged")) {
      builder.privileged();
    }
    arguments.all("cap-add").forEach(builder::addCapability);
    arguments.all("cap-drop").forEach(builder::dropCapability);
    boolean privilegesSaid = false;
    for (String option : arguments.all("security-opt")) {
      if (option.equals("seccomp=unconfined")) {
        builder.seccompUnconfined();
      } else if (option.startsWith("seccomp=")) {
        String file = option.substring("seccomp=".length());
        builder.seccomp(
            SeccompSpec.fromJson(Json.parseObject(readFile(file, "--security-opt seccomp"))));
      } else if (!option.startsWith("no-new-privileges")) {
        throw new UsageException(
            "security option \""
                + option
                + "\" is unknown; use seccomp=unconfined, seccomp=FILE or no-new-privileges[=false]");
      } else if (!privilegesSaid) {
        builder.noNewPrivileges(!option.endsWith("false"));
        privilegesSaid = true;
      }
    }
  }

  private static void mounts(ContainerBuilder builder, Arguments arguments) {
    for (String text : arguments.all("tmpfs")) {
      int colon = text.indexOf(':');
      builder.tmpfs(
          colon < 0 ? text : text.substring(0, colon),
          colon < 0 ? List.of() : Text.split(text.substring(colon + 1), ','));
    }
    arguments.all("volume").forEach(text -> volume(builder, text));
  }

  private static void volume(ContainerBuilder builder, String text) {
    List<String> parts = Text.split(text, ':');
    if (parts.size() < 2
        || parts.size() > 3
        || !parts.get(0).startsWith("/")
        || !parts.get(1).startsWith("/")) {
      throw new UsageException(
          "volume \""
              + text
              + "\" is not HOST:GUEST[:ro] with two absolute paths, as in /srv/data:/data:ro");
    }
    boolean readOnly = false;
    if (parts.size() == 3) {
      for (String option : Text.split(parts.get(2), ',')) {
        switch (option) {
          case "ro" -> readOnly = true;
          case "rw", "z", "Z" -> {}
          default ->
              throw new UsageException(
                  "volume \"" + text + "\" has unknown option \"" + option + "\"; use ro or rw");
        }
      }
    }
    builder.volume(parts.get(0), parts.get(1), readOnly);
  }

  private static void limits(ContainerBuilder builder, Arguments arguments) {
    builder.pidsLimit(
        arguments.number(
            "pids-limit",
            ContainerDefaults.PIDS,
            ContainerDefaults.LEAST_PIDS,
            ContainerDefaults.MOST_PIDS));
    builder.stopTimeoutSeconds(
        arguments.number(
            "stop-timeout",
            ContainerDefaults.STOP_TIMEOUT_SECONDS,
            0,
            ContainerDefaults.MOST_STOP_TIMEOUT_SECONDS));
    arguments.all("ulimit").forEach(text -> builder.rlimit(rlimit(text)));
    for (String text : arguments.all("sysctl")) {
      int equals = text.indexOf('=');
      if (equals < 1) {
        throw new UsageException("kernel parameter \"" + text + "\" is not NAME=VALUE");
      }
      builder.sysctl(text.substring(0, equals), text.substring(equals + 1));
    }
    arguments.last("scratch").ifPresent(text -> builder.scratchMib(scratchMib(text)));
  }

  private static Rlimit rlimit(String text) {
    int equals = text.indexOf('=');
    String values = equals < 0 ? "" : text.substring(equals + 1);
    int colon = values.indexOf(':');
    try {
      long soft = limit(colon < 0 ? values : values.substring(0, colon));
      long hard = colon < 0 ? soft : limit(values.substring(colon + 1));
      return new Rlimit("RLIMIT_" + text.substring(0, equals).toUpperCase(Locale.ROOT), soft, hard);
    } catch (NumberFormatException | StringIndexOutOfBoundsException e) {
      throw new UsageException(
          "resource limit \"" + text + "\" is not NAME=SOFT[:HARD], as in nofile=1024:2048");
    }
  }

  private static long limit(String text) {
    return text.equals("-1") || text.equals("unlimited") ? -1L : Long.parseLong(text);
  }

  private static int scratchMib(String text) {
    int mib = mib(text);
    if (mib <= 0 && !text.equals("0")) {
      throw UsageException.ofValue(
          "scratch", text, "0 or a size from " + ContainerDefaults.LEAST_SCRATCH_MIB + "m to 16t");
    }
    return mib;
  }

  /** −1 for what is no amount. */
  private static int mib(String text) {
    return (int) Math.min(Sizes.bytes(text).orElse(-1L) >> 20, Integer.MAX_VALUE);
  }

  private static void machine(ContainerBuilder builder, Arguments arguments) {
    Optional<String> memory = arguments.last("memory");
    if (memory.isPresent()) {
      int mib = mib(memory.get());
      if (mib < 0) {
        throw UsageException.ofValue("memory", memory.get(), "a size such as 256m or 2g");
      }
      if (mib < ContainerDefaults.LEAST_MEMORY_MIB || mib > ContainerDefaults.MOST_MEMORY_MIB) {
        // Here, too: in the words of the user, who need not count in MiB.
        throw new UsageException(
            "invalid value \""
                + memory.get()
                + "\" for --memory: "
                + ContainerDefaults.MEMORY_RANGE);
      }
      builder.memoryMib(mib);
    }
    arguments.last("cpus").ifPresent(text -> builder.cpus(cpus(text)));
    arguments.last("accel").ifPresent(builder::accelerator);
    arguments.last("template").ifPresent(builder::template);
    arguments.last("hypervisor").ifPresent(builder::hypervisor);
    arguments.last("agent-channel").ifPresent(builder::agentChannel);
    arguments.last("guest").ifPresent(builder::guest);
    arguments.last("kernel").ifPresent(builder::kernel);
    arguments.last("initramfs").ifPresent(builder::initramfs);
    builder.bootTimeoutSeconds(
        arguments.number(
            "boot-timeout",
            ContainerDefaults.BOOT_TIMEOUT_SECONDS,
            ContainerDefaults.LEAST_BOOT_TIMEOUT_SECONDS,
            ContainerDefaults.MOST_BOOT_TIMEOUT_SECONDS));
  }

  private static double cpus(String text) {
    try {
      double cpus = Double.parseDouble(text);
      if (cpus >= ContainerDefaults.LEAST_CPUS && cpus <= ContainerDefaults.MOST_CPUS) {
        return cpus;
      }
    } catch (NumberFormatException e) {
      // As a number out of range.
    }
    throw UsageException.ofValue("cpus", text, "a number from 0.01 to 255");
  }

  private static void image(ContainerBuilder builder, Arguments arguments) {
    builder.registry(Images.registry(arguments));
    builder.pull(
        switch (arguments.last("pull", "missing")) {
          case "missing" -> PullPolicy.MISSING;
          case "always" -> PullPolicy.ALWAYS;
          case "never" -> PullPolicy.NEVER;
          default ->
              throw UsageException.ofValue(
                  "pull", arguments.last("pull", ""), "missing, always or never");
        });
    String rootfs = arguments.last("rootfs", "erofs");
    if (!rootfs.equals("erofs") && !rootfs.equals("virtiofs")) {
      throw UsageException.ofValue("rootfs", rootfs, "erofs or virtiofs");
    }
    builder.shareRoot(rootfs.equals("virtiofs"));
  }

  private static String readFile(String path, String option) {
    try {
      return FileContent.readString(path, FILE_LIMIT);
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "cannot read file \"" + path + "\" of option " + option + ": " + e.getMessage(),
          e);
    }
  }
}
