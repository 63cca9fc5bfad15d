package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Another suite than the host's own, such as trixie on bookworm, read from the mirrors that the
 * host's apt has. Lists and configuration are apart from the host's, which stay as they are.
 */
final class DebianSuite {
  private static final Path KEYRING = Path.of("/usr/share/keyrings/debian-archive-keyring.gpg");
  private static final int NAME_LIMIT = 64;

  private final String name;
  private final Path directory;
  private final Progress progress;

  /**
   * @param name such as {@code trixie}
   * @param cache gets a directory for apt's lists
   */
  DebianSuite(String name, Path cache, Progress progress) {
    this.name = checked(name);
    this.directory = cache.resolve("apt-" + this.name.replace('/', '_'));
    this.progress = progress;
  }

  private static String checked(String name) {
    boolean good = !name.isEmpty() && name.length() <= NAME_LIMIT;
    for (int i = 0; good && i < name.length(); i++) {
      char c = name.charAt(i);
      good = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || i > 0 && (c == '-' || c == '.');
    }
    if (!good) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "\"" + name + "\" is not the name of a Debian suite; use one such as trixie");
    }
    return name;
  }

  /**
   * Reads the suite's lists of packages, with its security updates if it has any.
   *
   * @return options for apt-get and apt-cache
   * @throws CasemateException UNAVAILABLE if the mirror does not have the suite
   */
  List<String> aptOptions() {
    String own = hostSuite();
    List<String> targets = targets();
    String mirror =
        find(targets, own)
            .orElseThrow(
                () ->
                    CasemateException.of(
                        Kind.FAILED_PRECONDITION,
                        "apt has no mirror of this host's own suite \""
                            + own
                            + "\", from which it could read "
                            + name
                            + "; add one to /etc/apt/sources.list, or provide a kernel with"
                            + " --kernel FILE --modules DIRECTORY"));
    return aptOptions(mirror, find(targets, own + "-security"));
  }

  List<String> aptOptions(String mirror, Optional<String> security) {
    progress.step("Reading the lists of " + name);
    List<String> options = List.of("-c", configure().toString());
    String main = line(mirror, name);
    if (security.isPresent()) {
      write("sources.list", main + line(security.get(), name + "-security"));
      if (update(options).ok()) {
        return options;
      }
      progress.step(name + " seems to have no security updates; reading it without them");
    }
    write("sources.list", main);
    Tool.Result result = update(options);
    if (!result.ok()) {
      throw CasemateException.of(
          Kind.UNAVAILABLE,
          "apt cannot read the suite "
              + name
              + " from "
              + mirror
              + ": "
              + firstError(result)
              + ". Check the name; for a missing key, install a newer debian-archive-keyring");
    }
    return options;
  }

  private static Tool.Result update(List<String> options) {
    List<String> command = new ArrayList<>();
    command.add(Tool.require("apt-get", "apt"));
    command.addAll(options);
    command.addAll(
        List.of("-q", "-o", "APT::Sandbox::User=root", "-o", "APT::Update::Error-Mode=any"));
    command.add("update");
    return Tool.run(Path.of("/"), command);
  }

  private static String line(String mirror, String suite) {
    String options =
        mirror.startsWith("file:")
            ? "[trusted=yes] "
            : Files.exists(KEYRING) ? "[signed-by=" + KEYRING + "] " : "";
    return "deb " + options + mirror + " " + suite + " main\n";
  }

  private Path configure() {
    for (String part : List.of("state/lists/partial", "cache/archives/partial", "parts")) {
      Scratch.make(directory.resolve(part));
    }
    write("status", "");
    return write(
        "apt.conf",
        "Dir::Etc::SourceList \""
            + directory.resolve("sources.list")
            + "\";\nDir::Etc::SourceParts \""
            + directory.resolve("parts")
            + "\";\nDir::Etc::Preferences \"/dev/null\";\nDir::Etc::PreferencesParts \""
            + directory.resolve("parts")
            + "\";\nDir::State \""
            + directory.resolve("state")
            + "\";\nDir::State::Status \""
            + directory.resolve("status")
            + "\";\nDir::Cache \""
            + directory.resolve("cache")
            + "\";\nAPT::Default-Release \"\";\n");
  }

  private Path write(String file, String text) {
    Path path = directory.resolve(file);
    try {
      return Files.writeString(path, text);
    } catch (IOException e) {
      throw Failure.of("write " + path, e);
    }
  }

  /** The value of VERSION_CODENAME in os-release(5); empty if there is none. */
  private static String hostSuite() {
    Path release = Path.of("/etc/os-release");
    try {
      for (String line : Files.readAllLines(release, StandardCharsets.UTF_8)) {
        if (line.startsWith("VERSION_CODENAME=")) {
          return line.substring(line.indexOf('=') + 1).replace("\"", "").strip();
        }
      }
    } catch (IOException e) {
      throw Failure.of("read " + release, e);
    }
    return "";
  }

  /** Lines of a mirror's address and a suite that it has. */
  private static List<String> targets() {
    return Tool.run(
            Path.of("/"),
            List.of(
                Tool.require("apt-get", "apt"),
                "indextargets",
                "--format",
                "$(REPO_URI) $(RELEASE)"))
        .text()
        .lines()
        .distinct()
        .toList();
  }

  private static Optional<String> find(List<String> targets, String suite) {
    for (String target : targets) {
      int blank = target.indexOf(' ');
      if (blank > 0 && target.substring(blank + 1).equals(suite)) {
        String mirror = target.substring(0, blank);
        return Optional.of(
            mirror.endsWith("/") ? mirror.substring(0, mirror.length() - 1) : mirror);
      }
    }
    return Optional.empty();
  }

  private static String firstError(Tool.Result result) {
    for (String line : (result.errors() + "\n" + result.text()).split("\n")) {
      if (line.startsWith("E: ")) {
        return line.substring(3);
      }
    }
    return "exit status " + result.status();
  }
}
