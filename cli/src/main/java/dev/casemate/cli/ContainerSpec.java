package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Text;
import dev.casemate.linux.Tty;
import dev.casemate.oci.DefaultSpec;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.protocol.GuestContract;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Makes a bundle's {@code config.json} from an image's configuration and the options of {@code
 * run}.
 */
final class ContainerSpec {
  private static final int FILE_LIMIT = 4 << 20;
  private static final int DEFAULT_PIDS = 4096;

  private final Arguments arguments;
  private final ImageDefaults image;

  /** What the image says, as far as a container's start depends on it. */
  record ImageDefaults(
      List<String> entrypoint,
      List<String> command,
      List<String> environment,
      String directory,
      String user,
      List<String> volumes) {}

  ContainerSpec(Arguments arguments, ImageDefaults image) {
    this.arguments = arguments;
    this.image = image;
  }

  /**
   * Entry point and arguments: the user's words replace the image's command, {@code --entrypoint}
   * both.
   */
  List<String> command(List<String> words) {
    List<String> command = new ArrayList<>();
    Optional<String> entrypoint = arguments.last("entrypoint");
    if (entrypoint.isPresent()) {
      if (!entrypoint.get().isEmpty()) {
        command.add(entrypoint.get());
      }
      command.addAll(words);
    } else {
      command.addAll(image.entrypoint());
      command.addAll(words.isEmpty() ? image.command() : words);
    }
    if (command.isEmpty()) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "no command was given and the image names none; add one behind IMAGE");
    }
    return command;
  }

  Json.Obj build(String hostname, List<String> command) {
    boolean terminal = arguments.has("tty");
    List<String> capabilities = capabilities();
    Json.Obj processJson =
        new Json.Obj()
            .put("terminal", terminal)
            .putStrings("args", command)
            .putStrings("env", environment(terminal, hostname))
            .put("cwd", directory())
            .put("user", user(arguments.last("user", image.user())))
            .put("noNewPrivileges", noNewPrivileges());
    ProcessSpec process =
        ProcessSpec.fromJson(processJson).withCapabilities(DefaultSpec.capabilities(capabilities));
    Json.Obj spec = DefaultSpec.container("rootfs", hostname, process).toJson();
    Json.Obj finished =
        spec.object("process")
            .orElseThrow()
            .put("user", user(arguments.last("user", image.user())))
            .put("rlimits", rlimits());
    if (terminal) {
      putConsoleSize(finished);
    }
    spec.object("root").orElseThrow().put("readonly", arguments.has("read-only"));
    Json.Obj linux = spec.object("linux").orElseThrow();
    resources(linux.object("resources").orElseThrow());
    sysctl(linux);
    seccomp(linux);
    addMounts(spec);
    if (!image.volumes().isEmpty()) {
      // The guest makes those that the image lacks.
      spec.putMap(
          "annotations",
          Map.of(GuestContract.IMAGE_VOLUMES_ANNOTATION, String.join("\n", image.volumes())));
    }
    return spec;
  }

  /** The size of our terminal, if we have one, so that the process begins with it. */
  static void putConsoleSize(Json.Obj process) {
    if (Tty.isTerminal(Fd.STDOUT)) {
      Tty.Size size = Tty.size(Fd.STDOUT);
      process.put(
          "consoleSize", new Json.Obj().put("height", size.rows()).put("width", size.columns()));
    }
  }

  /** A user for the guest to resolve in the container's own files. */
  static Json.Obj user(String user) {
    return new Json.Obj().put("uid", 0).put("gid", 0).put("username", user);
  }

  private String directory() {
    String directory =
        arguments.last("workdir", image.directory().isEmpty() ? "/" : image.directory());
    if (!directory.startsWith("/")) {
      throw Arguments.usage("option --workdir is \"" + directory + "\", expected an absolute path");
    }
    return directory;
  }

  private List<String> environment(boolean terminal, String hostname) {
    Map<String, String> variables = new LinkedHashMap<>();
    variables.put("PATH", DefaultSpec.PATH);
    variables.put("HOSTNAME", hostname);
    if (terminal) {
      variables.put("TERM", "xterm");
    }
    for (String variable : image.environment()) {
      put(variables, variable);
    }
    for (String file : arguments.all("env-file")) {
      for (String line : Text.split(readFile(file, "--env-file"), '\n')) {
        if (!line.startsWith("#") && !line.isBlank()) {
          put(variables, line);
        }
      }
    }
    for (String variable : arguments.all("env")) {
      put(variables, variable);
    }
    List<String> environment = new ArrayList<>();
    for (Map.Entry<String, String> variable : variables.entrySet()) {
      environment.add(variable.getKey() + "=" + variable.getValue());
    }
    return environment;
  }

  private static void put(Map<String, String> variables, String text) {
    int equals = text.indexOf('=');
    if (equals == 0 || text.isEmpty()) {
      throw Arguments.usage("variable \"" + text + "\" has no name; write NAME=VALUE");
    }
    if (equals > 0) {
      variables.put(text.substring(0, equals), text.substring(equals + 1));
    } else {
      String ours = System.getenv(text);
      if (ours != null) {
        variables.put(text, ours);
      }
    }
  }

  private List<String> capabilities() {
    LinkedHashSet<String> capabilities = new LinkedHashSet<>(DefaultSpec.CAPABILITIES);
    for (String name : arguments.all("cap-drop")) {
      if (name.equalsIgnoreCase("all")) {
        capabilities.clear();
      }
    }
    for (String name : arguments.all("cap-add")) {
      if (name.equalsIgnoreCase("all")) {
        capabilities.addAll(CapabilityNames.ALL);
      } else {
        capabilities.add(CapabilityNames.check(name));
      }
    }
    for (String name : arguments.all("cap-drop")) {
      if (!name.equalsIgnoreCase("all")) {
        capabilities.remove(CapabilityNames.check(name));
      }
    }
    return List.copyOf(capabilities);
  }

  private boolean noNewPrivileges() {
    for (String option : arguments.all("security-opt")) {
      if (option.startsWith("no-new-privileges")) {
        return !option.endsWith("false");
      }
    }
    return true;
  }

  private void seccomp(Json.Obj linux) {
    for (String option : arguments.all("security-opt")) {
      if (option.startsWith("seccomp=")) {
        String value = option.substring("seccomp=".length());
        if (value.equals("unconfined")) {
          linux.fields().remove("seccomp");
        } else {
          linux.put("seccomp", Json.parseObject(readFile(value, "--security-opt seccomp")));
        }
      } else if (!option.startsWith("no-new-privileges")) {
        throw Arguments.usage(
            "security option \""
                + option
                + "\" is unknown; use seccomp=unconfined, seccomp=FILE or no-new-privileges[=false]");
      }
    }
  }

  private Json rlimits() {
    List<Json> limits = new ArrayList<>();
    for (String text : arguments.all("ulimit")) {
      int equals = text.indexOf('=');
      String values = equals < 0 ? "" : text.substring(equals + 1);
      int colon = values.indexOf(':');
      try {
        long soft = limit(colon < 0 ? values : values.substring(0, colon));
        long hard = colon < 0 ? soft : limit(values.substring(colon + 1));
        limits.add(
            new Json.Obj()
                .put("type", "RLIMIT_" + text.substring(0, equals).toUpperCase(Locale.ROOT))
                .put("soft", new Json.Num(Long.toUnsignedString(soft)))
                .put("hard", new Json.Num(Long.toUnsignedString(hard))));
      } catch (NumberFormatException | StringIndexOutOfBoundsException e) {
        throw Arguments.usage(
            "resource limit \"" + text + "\" is not NAME=SOFT[:HARD], as in nofile=1024:2048");
      }
    }
    return new Json.Arr(limits);
  }

  private static long limit(String text) {
    return text.equals("-1") || text.equals("unlimited") ? -1L : Long.parseLong(text);
  }

  private void resources(Json.Obj resources) {
    int pids = arguments.number("pids-limit", DEFAULT_PIDS, -1, 4_194_304);
    if (pids > 0) {
      resources.put("pids", new Json.Obj().put("limit", pids));
    }
    Optional<Double> cpus = cpus(arguments);
    if (cpus.isPresent() && cpus.get() != Math.rint(cpus.get())) {
      resources.put(
          "cpu",
          new Json.Obj().put("period", 100_000).put("quota", Math.round(cpus.get() * 100_000)));
    }
  }

  /** The {@code --cpus} option. */
  static Optional<Double> cpus(Arguments arguments) {
    Optional<String> text = arguments.last("cpus");
    if (text.isEmpty()) {
      return Optional.empty();
    }
    try {
      double cpus = Double.parseDouble(text.get());
      if (cpus >= 0.01 && cpus <= 255) {
        return Optional.of(cpus);
      }
    } catch (NumberFormatException e) {
      // told below
    }
    throw Arguments.usage(
        "option --cpus is \"" + text.get() + "\", expected a number from 0.01 to 255");
  }

  private void sysctl(Json.Obj linux) {
    Map<String, String> values = new LinkedHashMap<>(linux.stringMap("sysctl"));
    for (String text : arguments.all("sysctl")) {
      int equals = text.indexOf('=');
      if (equals < 1) {
        throw Arguments.usage("kernel parameter \"" + text + "\" is not NAME=VALUE");
      }
      values.put(text.substring(0, equals), text.substring(equals + 1));
    }
    if (!values.isEmpty()) {
      linux.putMap("sysctl", values);
    }
  }

  private void addMounts(Json.Obj spec) {
    List<Json> mounts = new ArrayList<>(spec.array("mounts"));
    for (String text : arguments.all("tmpfs")) {
      int colon = text.indexOf(':');
      List<String> options = new ArrayList<>(List.of("nosuid", "nodev", "noexec"));
      if (colon >= 0) {
        options.addAll(Text.split(text.substring(colon + 1), ','));
      }
      mounts.add(mount(colon < 0 ? text : text.substring(0, colon), "tmpfs", "tmpfs", options));
    }
    for (String text : arguments.all("volume")) {
      mounts.add(volume(text));
    }
    spec.put("mounts", new Json.Arr(mounts));
  }

  private static Json.Obj volume(String text) {
    List<String> parts = Text.split(text, ':');
    if (parts.size() < 2
        || parts.size() > 3
        || !parts.get(0).startsWith("/")
        || !parts.get(1).startsWith("/")) {
      throw Arguments.usage(
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
              throw Arguments.usage(
                  "volume \"" + text + "\" has unknown option \"" + option + "\"; use ro or rw");
        }
      }
    }
    if (!Fs.exists(parts.get(0))) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "host path \""
              + parts.get(0)
              + "\" of volume \""
              + text
              + "\" does not exist; create it first");
    }
    return mount(
        parts.get(1), "bind", parts.get(0), List.of("rbind", "rprivate", readOnly ? "ro" : "rw"));
  }

  private static Json.Obj mount(
      String destination, String type, String source, List<String> options) {
    if (!destination.startsWith("/")) {
      throw Arguments.usage("mount point \"" + destination + "\" is not an absolute path");
    }
    return new Json.Obj()
        .put("destination", destination)
        .put("type", type)
        .put("source", source)
        .putStrings("options", options);
  }

  private static String readFile(String path, String option) {
    try {
      return FileContent.readString(path, FILE_LIMIT);
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.NOT_FOUND, "cannot read the file of option " + option + ": " + e.getMessage(), e);
    }
  }
}
