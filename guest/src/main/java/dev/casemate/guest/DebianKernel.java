package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** Takes the kernel and its modules out of a Debian kernel package. */
final class DebianKernel {
  private static final String NEWEST = "linux-image-cloud-amd64";
  private static final String PREFIX = "linux-image-";
  private static final String PATTERN = "linux-image-[0-9][^ ]*-cloud-amd64";

  /** Versions and packages that are tried, should the mirror no longer have the first. */
  private static final int MAXIMUM_TRIES = 6;

  private DebianKernel() {}

  /**
   * Finds, downloads and unpacks it.
   *
   * @param scratch an empty directory that outlives what is returned
   */
  static PreparedKernel prepare(
      DebianPackages packages, Optional<String> wanted, Path scratch, Progress progress) {
    String name = wanted.orElse(NEWEST);
    progress.step("Looking for the kernel package " + name);
    List<DebianPackages.Entry> candidates = candidates(packages, wanted, name);
    if (candidates.isEmpty()) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "apt has no kernel package "
              + name
              + (wanted.isEmpty() ? " or " + PATTERN : "")
              + ". Refresh apt's lists with 'apt-get update', or provide a kernel with --kernel FILE --modules DIRECTORY");
    }
    DebianPackages.Downloaded got = packages.downloadFirst(candidates, MAXIMUM_TRIES);
    return unpack(packages, got.entry(), got.file(), scratch, progress);
  }

  /**
   * What the name leads to, its other versions, and, if any kernel is welcome, those of other
   * names: a mirror drops a kernel's package when its successor is out, which apt's lists may not
   * know yet.
   */
  private static List<DebianPackages.Entry> candidates(
      DebianPackages packages, Optional<String> wanted, String name) {
    Set<DebianPackages.Entry> candidates = new LinkedHashSet<>();
    Optional<DebianPackages.Entry> first = packages.resolve(name, PREFIX);
    if (first.isPresent()) {
      candidates.add(first.get());
      candidates.addAll(packages.versions(first.get().name()));
    }
    if (wanted.isEmpty()) {
      for (String other : packages.names(PATTERN)) {
        candidates.addAll(packages.versions(other));
      }
    }
    return List.copyOf(candidates);
  }

  private static PreparedKernel unpack(
      DebianPackages packages,
      DebianPackages.Entry entry,
      Path deb,
      Path scratch,
      Progress progress) {
    packages.unpack(deb, scratch);
    // Newer releases ship the kernel and its modules in packages of their own.
    for (String dependency : entry.dependencies()) {
      if (dependency.startsWith("linux-binary-") || dependency.startsWith("linux-modules-")) {
        Optional<DebianPackages.Entry> part = packages.find(dependency);
        if (part.isPresent()) {
          packages.unpack(packages.download(part.get()), scratch);
        }
      }
    }
    Path modules = modules(scratch, entry.name());
    String release = modules.getFileName().toString();
    Path kernel = scratch.resolve("boot/vmlinuz-" + release);
    if (!Files.isRegularFile(kernel)) {
      kernel = modules.resolve("vmlinuz");
    }
    progress.step("Unpacking the kernel " + release);
    return new PreparedKernel(
        KernelImage.read(kernel),
        Optional.of(ModuleTree.scan(modules, "package " + entry.name())),
        List.of(),
        !enforcesSignatures(scratch.resolve("boot/config-" + release)),
        entry.name(),
        entry.version());
  }

  /**
   * Checking a signature takes 5 ms a module without KVM, and the host vouches for the initramfs
   * anyway.
   */
  private static boolean enforcesSignatures(Path config) {
    return !Files.isRegularFile(config)
        || KernelConfig.options(config).containsKey("CONFIG_MODULE_SIG_FORCE");
  }

  private static Path modules(Path root, String name) {
    for (String parent : List.of("lib/modules", "usr/lib/modules")) {
      Path directory = root.resolve(parent);
      if (Files.isDirectory(directory)) {
        try (Stream<Path> releases = Files.list(directory)) {
          Optional<Path> release = releases.filter(Files::isDirectory).findFirst();
          if (release.isPresent()) {
            return release.get();
          }
        } catch (IOException e) {
          throw Failure.of("read " + directory, e);
        }
      }
    }
    throw CasemateException.of(
        Kind.INVALID_ARGUMENT,
        "Package "
            + name
            + " contains no lib/modules/RELEASE: it is not a kernel package. Use one such as "
            + NEWEST);
  }
}
