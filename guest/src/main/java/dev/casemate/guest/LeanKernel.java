package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.FileSystem;
import dev.casemate.linux.LinuxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Compiles a small kernel with everything built in from the distribution's source package. */
final class LeanKernel {
  /** Versions of the source that are tried, should the mirror no longer have the newest. */
  private static final int MAXIMUM_TRIES = 6;

  private static final String NEWEST = "linux-source";
  private static final long NEEDED_BYTES = 4L << 30;
  private static final int TICK_MILLIS = 2000;
  private static final int TAIL_LINES = 25;

  /** The option behind each feature of {@link ModuleGroups}. */
  private static final Map<String, String> FEATURES = new LinkedHashMap<>();

  static {
    FEATURES.put("base", "CONFIG_VIRTIO_PCI");
    FEATURES.put("mmio", "CONFIG_VIRTIO_MMIO");
    FEATURES.put("block", "CONFIG_VIRTIO_BLK");
    FEATURES.put("erofs", "CONFIG_EROFS_FS");
    FEATURES.put("overlay", "CONFIG_OVERLAY_FS");
    FEATURES.put("virtiofs", "CONFIG_VIRTIO_FS");
    FEATURES.put("net", "CONFIG_VIRTIO_NET");
    FEATURES.put("rng", "CONFIG_HW_RANDOM_VIRTIO");
    FEATURES.put("vsock", "CONFIG_VIRTIO_VSOCKETS");
    FEATURES.put("balloon", "CONFIG_VIRTIO_BALLOON");
    FEATURES.put("mem", "CONFIG_VIRTIO_MEM");
    FEATURES.put("ext4", "CONFIG_EXT4_FS");
    FEATURES.put("9p", "CONFIG_9P_FS");
    FEATURES.put("btrfs", "CONFIG_BTRFS_FS");
    FEATURES.put("loop", "CONFIG_BLK_DEV_LOOP");
    FEATURES.put("netfilter", "CONFIG_NF_TABLES");
    FEATURES.put("pmem", "CONFIG_VIRTIO_PMEM");
    FEATURES.put("scsi", "CONFIG_SCSI_VIRTIO");
    FEATURES.put("squashfs", "CONFIG_SQUASHFS");
    FEATURES.put("tun", "CONFIG_TUN");
    FEATURES.put("xfs", "CONFIG_XFS_FS");
  }

  private final Path tree;
  private final Path log;
  private final int jobs;
  private final Progress progress;

  private LeanKernel(Path tree, Path log, int jobs, Progress progress) {
    this.tree = tree;
    this.log = log;
    this.jobs = jobs;
    this.progress = progress;
  }

  /**
   * Downloads, unpacks, configures and compiles it.
   *
   * @param scratch an empty directory that outlives what is returned
   * @param log file for the output of the tools
   */
  static PreparedKernel prepare(
      KernelSource.LeanBuild build, Path cache, Path scratch, Path log, Progress progress) {
    checkTools();
    checkSpace(scratch);
    KernelConfig wishes = KernelConfig.lean();
    build.additions().ifPresent(wishes::add);
    DebianPackages packages = new DebianPackages(cache, scratch, progress);
    DebianPackages.Downloaded source =
        packages.downloadFirst(sources(packages, build.sourcePackage()), MAXIMUM_TRIES);
    DebianPackages.Entry entry = source.entry();
    packages.unpack(source.file(), scratch);
    int jobs = build.jobs() > 0 ? build.jobs() : Runtime.getRuntime().availableProcessors();
    try {
      Files.deleteIfExists(log);
      progress.step("Unpacking the source of " + entry.name() + " " + entry.version());
      LeanKernel kernel =
          new LeanKernel(unpack(scratch, entry.name(), log, progress), log, jobs, progress);
      Map<String, String> options = kernel.configure(wishes, entry.name());
      kernel.compile();
      return new PreparedKernel(
          kernel.strip(scratch.resolve("vmlinux")),
          Optional.empty(),
          features(options),
          false,
          entry.name(),
          entry.version());
    } catch (IOException e) {
      throw Failure.of("build a kernel in " + scratch, e);
    }
  }

  /** Names all packages that are missing at once. */
  private static void checkTools() {
    List<String> missing = new ArrayList<>();
    String[][] tools = {
      {"make", "make"},
      {"gcc", "gcc"},
      {"ld", "binutils"},
      {"objcopy", "binutils"},
      {"flex", "flex"},
      {"bison", "bison"},
      {"bc", "bc"},
      {"perl", "perl"},
      {"tar", "tar"},
      {"xz", "xz-utils"}
    };
    for (String[] tool : tools) {
      if (!Tool.isInstalled(tool[0]) && !missing.contains(tool[1])) {
        missing.add(tool[1]);
      }
    }
    if (!Files.exists(Path.of("/usr/include/gelf.h"))) {
      missing.add("libelf-dev");
    }
    if (!Files.exists(Path.of("/usr/include/stdio.h"))) {
      missing.add("libc6-dev");
    }
    if (!missing.isEmpty()) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "Compiling a kernel needs packages that are not installed: apt-get install -y "
              + String.join(" ", missing));
    }
  }

  private static void checkSpace(Path directory) {
    try {
      long free = FileSystem.of(directory.toString()).freeBytes();
      if (free < NEEDED_BYTES) {
        throw CasemateException.of(
            Kind.RESOURCE_EXHAUSTED,
            "Compiling a kernel needs 4 GiB in "
                + directory
                + " and "
                + (free >> 20)
                + " MiB are free. Free space there");
      }
    } catch (LinuxException e) {
      throw Failure.of("look for space in " + directory, e);
    }
  }

  private static List<DebianPackages.Entry> sources(
      DebianPackages packages, Optional<String> wanted) {
    String name = wanted.orElse(NEWEST);
    String real =
        packages
            .resolve(name, "linux-source-")
            .orElseThrow(
                () ->
                    CasemateException.of(
                        Kind.NOT_FOUND,
                        "apt has no package "
                            + name
                            + " with a kernel's source. Refresh apt's lists with 'apt-get update'"))
            .name();
    return packages.versions(real);
  }

  private static Path unpack(Path scratch, String name, Path log, Progress progress)
      throws IOException {
    Path archives = scratch.resolve("usr/src");
    Path archive = archives.resolve(name + ".tar.xz");
    if (!Files.isRegularFile(archive)) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "Package "
              + name
              + " contains no usr/src/"
              + name
              + ".tar.xz: it is not a kernel source package");
    }
    Path parent = scratch.resolve("source");
    Scratch.make(parent);
    run(
        parent,
        log,
        progress,
        List.of(Tool.require("tar", "tar"), "--no-same-owner", "-xf", archive.toString()),
        "Unpacking " + archive.getFileName());
    Files.delete(archive);
    try (Stream<Path> trees = Files.list(parent)) {
      return trees
          .filter(Files::isDirectory)
          .findFirst()
          .orElseThrow(
              () -> CasemateException.of(Kind.CORRUPT, archive + " contains no source directory"));
    }
  }

  private Map<String, String> configure(KernelConfig wishes, String name) throws IOException {
    progress.step("Configuring");
    Path fragment = tree.resolve("casemate.config");
    Files.writeString(fragment, wishes.fragment());
    make("Configuring the kernel", List.of("KCONFIG_ALLCONFIG=" + fragment, "allnoconfig"));
    Map<String, String> options = KernelConfig.options(tree.resolve(".config"));
    List<String> lost = wishes.lost(options);
    if (!lost.isEmpty()) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "The source of "
              + name
              + " does not enable these options, because they were removed or depend on disabled options: "
              + String.join(", ", lost)
              + ". Use another source package, or correct the additional options");
    }
    return options;
  }

  private void compile() {
    progress.step("Compiling with " + jobs + " jobs (log: " + log + ")");
    make("Compiling the kernel", List.of("-j" + jobs, "vmlinux"));
  }

  private void make(String what, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Tool.require("make", "make"));
    // Otherwise who built it, where and when stands in the banner.
    command.add("KBUILD_BUILD_USER=casemate");
    command.add("KBUILD_BUILD_HOST=casemate");
    command.addAll(arguments);
    run(tree, log, progress, command, what);
  }

  private KernelImage strip(Path target) {
    progress.step("Stripping the kernel");
    run(
        tree,
        log,
        progress,
        List.of(
            Tool.require("objcopy", "binutils"),
            "-S",
            "-R",
            ".comment",
            "vmlinux",
            target.toString()),
        "Stripping the kernel");
    return KernelImage.read(target);
  }

  private static List<String> features(Map<String, String> options) {
    List<String> features = new ArrayList<>();
    for (Map.Entry<String, String> feature : FEATURES.entrySet()) {
      if (options.containsKey(feature.getValue())) {
        features.add(feature.getKey());
      }
    }
    return features;
  }

  private static void run(
      Path directory, Path log, Progress progress, List<String> command, String what) {
    try (Tool.Running tool = Tool.start(directory, log, command);
        BuildLog lines = BuildLog.open(log)) {
      Optional<Integer> status = Optional.empty();
      long reported = 0;
      while (status.isEmpty()) {
        status = tool.await(TICK_MILLIS);
        long compiled = lines.compiled();
        if (compiled > reported) {
          reported = compiled;
          progress.count(compiled, 0, "objects");
        }
      }
      if (status.get() != 0) {
        throw CasemateException.of(
            Kind.INTERNAL,
            what
                + " failed with status "
                + status.get()
                + ". The end of "
                + log
                + ":\n"
                + BuildLog.tail(log, TAIL_LINES));
      }
    } catch (LinuxException | IOException e) {
      throw e instanceof LinuxException l
          ? Failure.of("follow " + log, l)
          : Failure.of("follow " + log, (IOException) e);
    }
  }
}
