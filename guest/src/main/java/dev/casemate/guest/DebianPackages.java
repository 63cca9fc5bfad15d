package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Finds, downloads and unpacks packages through the host's apt, with the host's keys and mirrors,
 * installing nothing.
 */
final class DebianPackages {
  /**
   * A package's record in apt's lists.
   *
   * @param sha256 of the .deb file
   */
  record Entry(String name, String version, String sha256, List<String> dependencies) {}

  private final Path cache;
  private final Path scratch;
  private final Progress progress;
  private final List<String> aptGet = new ArrayList<>();
  private final List<String> aptCache = new ArrayList<>();

  /** Keeps downloads in {@code cache}; {@code scratch} is a directory on the same file system. */
  DebianPackages(Path cache, Path scratch, Progress progress) {
    this(cache, scratch, progress, List.of());
  }

  /**
   * With an apt of its own.
   *
   * @param aptOptions such as {@code -c FILE}
   */
  DebianPackages(Path cache, Path scratch, Progress progress, List<String> aptOptions) {
    if (!Tool.isInstalled("apt-get") || !Tool.isInstalled("dpkg-deb")) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "This host has no apt-get or no dpkg-deb (looked in "
              + Tool.SEARCH_PATH
              + "), so no Debian kernel can be downloaded. Provide a kernel instead:"
              + " casemate guest build --kernel /boot/vmlinuz-… --modules /lib/modules/…");
    }
    this.cache = cache;
    this.scratch = scratch;
    this.progress = progress;
    aptGet.add(Tool.require("apt-get", "apt"));
    aptGet.addAll(aptOptions);
    aptCache.add(Tool.require("apt-cache", "apt"));
    aptCache.addAll(aptOptions);
  }

  private static List<String> command(List<String> tool, String... arguments) {
    List<String> command = new ArrayList<>(tool);
    command.addAll(List.of(arguments));
    return command;
  }

  /** The package's newest record, empty when apt does not know it. */
  Optional<Entry> find(String name) {
    return parse(name, "--no-all-versions").stream().findFirst();
  }

  /** All versions that apt knows, newest first. */
  List<Entry> versions(String name) {
    return parse(name, "--all-versions");
  }

  private List<Entry> parse(String name, String which) {
    Tool.Result result = Tool.run(Path.of("/"), command(aptCache, "show", which, name));
    List<Entry> entries = new ArrayList<>();
    String version = "";
    String sha256 = "";
    List<String> dependencies = new ArrayList<>();
    for (String line : result.text().split("\n")) {
      if (line.startsWith("Version: ")) {
        version = line.substring(9).strip();
      } else if (line.startsWith("SHA256: ")) {
        sha256 = line.substring(8).strip();
      } else if (line.startsWith("Depends: ")) {
        for (String dependency : line.substring(9).split(",")) {
          dependencies.add(dependency.strip().split("[ (|:]")[0]);
        }
      } else if (line.isEmpty() && !version.isEmpty()) {
        entries.add(new Entry(name, version, sha256, dependencies));
        version = "";
        dependencies = new ArrayList<>();
      }
    }
    if (!version.isEmpty()) {
      entries.add(new Entry(name, version, sha256, dependencies));
    }
    return entries;
  }

  /**
   * Names of packages that fully match an extended regular expression, highest version number
   * first.
   */
  List<String> names(String pattern) {
    Tool.Result result =
        Tool.run(Path.of("/"), command(aptCache, "search", "--names-only", "^" + pattern + "$"));
    List<String> names = new ArrayList<>();
    for (String line : result.text().split("\n")) {
      int blank = line.indexOf(' ');
      if (blank > 0) {
        names.add(line.substring(0, blank));
      }
    }
    names.sort(Comparator.comparing(DebianPackages::sortKey).reversed());
    return names;
  }

  /**
   * The package with the real content: {@code wanted} itself or, when that is a meta package, what
   * it depends on.
   *
   * @param prefix what the names of packages with the real content start with
   */
  Optional<Entry> resolve(String wanted, String prefix) {
    Optional<Entry> entry = find(wanted);
    if (entry.isPresent()) {
      for (String dependency : entry.get().dependencies()) {
        if (dependency.startsWith(prefix)) {
          Optional<Entry> real = find(dependency);
          if (real.isPresent()) {
            return real;
          }
        }
      }
    }
    return entry;
  }

  /** A package that was got, and its .deb file. */
  record Downloaded(Entry entry, Path file) {}

  /**
   * The first of several that can be had: a mirror may have dropped what apt's lists still name.
   *
   * @param attempts how many are tried at most
   * @throws CasemateException UNAVAILABLE with what was said of each when none can be had
   */
  Downloaded downloadFirst(List<Entry> candidates, int attempts) {
    List<String> failures = new ArrayList<>();
    for (Entry entry : candidates.subList(0, Math.min(attempts, candidates.size()))) {
      if (!failures.isEmpty()) {
        progress.step("Trying " + entry.name() + " " + entry.version() + " instead");
      }
      try {
        return new Downloaded(entry, download(entry));
      } catch (CasemateException e) {
        if (e.kind() != Kind.UNAVAILABLE) {
          throw e;
        }
        failures.add(Failure.message(e));
        progress.step(entry.name() + " " + entry.version() + " is not available");
      }
    }
    throw CasemateException.of(
        Kind.UNAVAILABLE,
        String.join("; ", failures) + ". Refresh apt's lists with: apt-get update");
  }

  /** The .deb file, from the cache or newly downloaded; apt verifies it. */
  Path download(Entry entry) {
    String file = entry.name() + "_" + entry.version().replace(":", "%3a") + ".deb";
    Path target = cache.resolve(file);
    if (Files.isRegularFile(target) && Digest.sha256(target).equals(entry.sha256())) {
      return target;
    }
    progress.step("Downloading " + entry.name() + " " + entry.version());
    Path partial = Scratch.directory(scratch, "download-");
    try {
      Tool.Result result =
          Tool.run(
              partial,
              command(
                  aptGet,
                  "-q",
                  "-o",
                  "APT::Sandbox::User=root",
                  "download",
                  entry.name() + "=" + entry.version()));
      Path got = onlyFile(partial);
      if (!result.ok() || got.equals(partial)) {
        throw CasemateException.of(
            Kind.UNAVAILABLE,
            "apt-get download "
                + entry.name()
                + "="
                + entry.version()
                + " failed: "
                + lastLine(result));
      }
      Fs.rename(got.toString(), target.toString());
      return target;
    } catch (LinuxException e) {
      throw Failure.of("keep " + target, e);
    } finally {
      Scratch.remove(partial);
    }
  }

  /** Unpacks a .deb file's content into {@code directory}. */
  void unpack(Path deb, Path directory) {
    progress.step("Unpacking " + deb.getFileName());
    Tool.Result result =
        Tool.run(
            Path.of("/"),
            List.of(Tool.require("dpkg-deb", "dpkg"), "-x", deb.toString(), directory.toString()));
    if (!result.ok()) {
      boolean full = result.errors().contains("No space left");
      throw CasemateException.of(
          full ? Kind.RESOURCE_EXHAUSTED : Kind.CORRUPT,
          "Cannot unpack "
              + deb
              + " into "
              + directory
              + ": "
              + lastLine(result)
              + (full ? ". Free space there" : ". Remove the file and try again"));
    }
  }

  private static Path onlyFile(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      return files.filter(f -> f.toString().endsWith(".deb")).findFirst().orElse(directory);
    } catch (IOException e) {
      throw Failure.of("read " + directory, e);
    }
  }

  private static String lastLine(Tool.Result result) {
    String errors = result.errors().isEmpty() ? result.text().strip() : result.errors();
    String line = errors.substring(errors.lastIndexOf('\n') + 1);
    return line.isEmpty() ? "exit status " + result.status() : line;
  }

  /** Numbers padded, so that 6.1.0-9 comes before 6.1.0-56. */
  static String sortKey(String name) {
    StringBuilder key = new StringBuilder();
    int i = 0;
    while (i < name.length()) {
      int start = i;
      while (i < name.length() && Character.isDigit(name.charAt(i))) {
        i++;
      }
      if (i == start) {
        key.append(name.charAt(i++));
      } else {
        key.append("0".repeat(Math.max(0, 8 - (i - start)))).append(name, start, i);
      }
    }
    return key.toString();
  }
}
