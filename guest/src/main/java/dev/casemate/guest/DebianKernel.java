package dev.casemate.guest;

import dev.casemate.oci.CasemateException;
import dev.casemate.oci.CasemateException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Takes the kernel and its modules out of a Debian kernel package. */
final class DebianKernel {
  private static final String NEWEST = "linux-image-cloud-amd64";
  private static final String PREFIX = "linux-image-";
  private static final String PATTERN = "linux-image-[0-9][^ ]*-cloud-amd64";

  /** Tries after the first choice, should the mirror no longer have it. */
  private static final int MAXIMUM_TRIES = 4;

  private DebianKernel() {}

  /**
   * Finds, downloads and unpacks it.
   *
   * @param scratch an empty directory that outlives what is returned
   */
  static PreparedKernel prepare(
      Optional<String> wanted, Path cache, Path scratch, Progress progress) {
    DebianPackages packages = new DebianPackages(cache, scratch, progress);
    String name = wanted.orElse(NEWEST);
    progress.step("Looking for the kernel package " + name);
    Optional<DebianPackages.Entry> first = packages.resolve(name, PREFIX);
    List<String> failures = new ArrayList<>();
    if (first.isPresent()) {
      Optional<Path> deb = download(packages, first.get(), failures, progress);
      if (deb.isPresent()) {
        return unpack(packages, first.get(), deb.get(), scratch, progress);
      }
    }
    // A mirror drops a kernel's package when its successor is out, which apt's lists may not know
    // yet.
    List<String> others = wanted.isEmpty() ? packages.names(PATTERN) : List.of();
    for (String other : others.subList(0, Math.min(others.size(), MAXIMUM_TRIES))) {
      Optional<DebianPackages.Entry> entry = packages.find(other);
      if (entry.isPresent() && !entry.equals(first)) {
        progress.step("Trying " + other + " instead");
        Optional<Path> deb = download(packages, entry.get(), failures, progress);
        if (deb.isPresent()) {
          return unpack(packages, entry.get(), deb.get(), scratch, progress);
        }
      }
    }
    if (failures.isEmpty()) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "apt knows no kernel package "
              + name
              + (wanted.isEmpty() ? " nor " + PATTERN : "")
              + ". Refresh apt's lists with 'apt-get update', or give a kernel with --kernel FILE --modules DIRECTORY");
    }
    throw CasemateException.of(Kind.UNAVAILABLE, String.join("; ", failures));
  }

  private static Optional<Path> download(
      DebianPackages packages,
      DebianPackages.Entry entry,
      List<String> failures,
      Progress progress) {
    try {
      return Optional.of(packages.download(entry));
    } catch (CasemateException e) {
      if (e.kind() != Kind.UNAVAILABLE) {
        throw e;
      }
      failures.add(Failure.message(e));
      progress.step(entry.name() + " is not to be had");
      return Optional.empty();
    }
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
            + " holds no lib/modules/RELEASE: it is no kernel package. Give one such as "
            + NEWEST);
  }
}
