package dev.casemate.e2e.engine;

import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A private containerd with its CRI plugin, and ctr. */
public final class Containerd extends Daemon {
  /** Which containerd. */
  public enum Line {
    /** Debian 12's. */
    ONE_SIX("1.6"),
    /** From a newer suite. */
    TWO("2");

    private final String version;

    Line(String version) {
      this.version = version;
    }

    /** Both, or the one that {@code -Dengine.version} names: 1.6 or 2. */
    public static List<Line> chosen() {
      String version = System.getProperty("engine.version", System.getenv("ENGINE_VERSION"));
      if (version == null || version.isEmpty()) {
        return List.of(values());
      }
      for (Line line : values()) {
        if (line.version.equals(version)) {
          return List.of(line);
        }
      }
      throw new IllegalArgumentException(
          "engine.version is \"" + version + "\"; expected 1.6 or 2");
    }

    @Override
    public String toString() {
      return "containerd-" + version;
    }
  }

  /** In containerd, and the cgroup below which ctr's containers are. */
  public static final String NAMESPACE = Places.MARK;

  private final Path base;
  private final Path root;
  private final Programs programs;
  private final Path config;
  private final Path fifos;
  private final Path configPath;
  private final boolean ownDisk;

  public Containerd(Line line) {
    this(line, 0);
  }

  /**
   * @param diskMib of a small file system of its own for what containers write; 0 for the machine's
   */
  public Containerd(Line line, int diskMib) {
    super(line.toString());
    this.base = Places.RUN.resolve(line == Line.ONE_SIX ? "c16" : "c2");
    this.root = Places.fresh(name());
    this.ownDisk = diskMib > 0;
    if (ownDisk) {
      Shell.run(
          "mount -t tmpfs -o size="
              + diskMib
              + "m casemate-tests "
              + root
              + " && mkdir -p "
              + root());
    }
    this.config = base.resolve("config.toml");
    this.fifos = base.resolve("fifo");
    this.configPath = base.resolve("casemate.toml");
    try {
      Files.createDirectories(fifos);
      this.programs =
          new Programs(
              base.resolve("bin"),
              line == Line.TWO,
              List.of("containerd", "ctr", "containerd-shim-runc-v2", "runc"));
      Files.createDirectories(root.resolve("cni/conf"));
      Files.writeString(root.resolve("cni/conf/10-bridge.conflist"), network());
      Files.writeString(
          configPath, "[vm]\nmemory_mib = 640\n[annotations]\nallowed = [\"memory_mib\"]\n");
      Files.writeString(config, line == Line.ONE_SIX ? versionTwo() : versionThree());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Path socket() {
    return base.resolve("c.sock");
  }

  public Path state() {
    return base.resolve("state");
  }

  public Path root() {
    return root.resolve("root");
  }

  /** The file that the runtime class {@code configured} names as its {@code ConfigPath}. */
  public Path configPath() {
    return configPath;
  }

  @Override
  protected List<String> command() {
    return List.of(
        programs.program("containerd"), "--config", config.toString(), "--log-level", "debug");
  }

  @Override
  protected Map<String, String> environment() {
    // There it leaves what it has unpacked of a checkpoint.
    return Map.of("PATH", programs.path(), "TMPDIR", root.toString());
  }

  @Override
  protected boolean answers() {
    return Files.exists(socket()) && ctr("version").timeout(20).run().exit() == 0;
  }

  @Override
  List<Path> containerDirectories() {
    return List.of(
        state().resolve("io.containerd.runtime.v2.task"),
        state().resolve("io.containerd.grpc.v1.cri"),
        state().resolve("netns"),
        root().resolve("io.containerd.runtime.v2.task"),
        root().resolve("io.containerd.grpc.v1.cri"),
        root.resolve("cni/ipam"),
        fifos);
  }

  @Override
  public void close() {
    super.close();
    if (ownDisk) {
      // Others of this name have the machine's.
      Shell.run("umount -l " + root);
    }
  }

  /** {@code ctr} in this run's namespace. */
  public Call ctr(String... arguments) {
    List<String> words =
        new ArrayList<>(
            List.of(
                programs.program("ctr"),
                "--address",
                socket().toString(),
                "--namespace",
                NAMESPACE));
    words.addAll(List.of(arguments));
    return new Call(words);
  }

  /** {@code ctr run} with the runtime under test. */
  public Call run(String... arguments) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "run",
                "--runtime",
                RuntimeUnderTest.chosen().type(),
                "--fifo-dir",
                fifos.toString()));
    words.addAll(List.of(arguments));
    return ctr(words.toArray(new String[0]));
  }

  /** {@code ctr task exec}; its identifier is unique. */
  public Call exec(String container, String... command) {
    return exec(List.of(), container, command);
  }

  public Call exec(List<String> options, String container, String... command) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "task",
                "exec",
                "--fifo-dir",
                fifos.toString(),
                "--exec-id",
                "e" + System.nanoTime()));
    words.addAll(options);
    words.add(container);
    words.addAll(List.of(command));
    return ctr(words.toArray(new String[0]));
  }

  /** Brings the images of the tests into this namespace and into that of the CRI plugin. */
  public Containerd withImages() {
    for (TestImage image : List.of(TestImage.busybox(), TestImage.pause())) {
      ctr("image", "import", image.tar().toString()).ok();
      List<String> words =
          List.of(
              programs.program("ctr"),
              "--address",
              socket().toString(),
              "--namespace",
              "k8s.io",
              "image",
              "import",
              image.tar().toString());
      new Call(words).ok();
    }
    return this;
  }

  /** Unpacks the test image for another snapshotter than overlayfs. */
  public void unpack(String snapshotter) {
    ctr(
            "image",
            "import",
            "--local",
            "--snapshotter",
            snapshotter,
            TestImage.busybox().tar().toString())
        .ok();
  }

  /** The socket of a container's shim. */
  public Path shimSocket(String container) {
    Path bundle =
        state().resolve("io.containerd.runtime.v2.task").resolve(NAMESPACE).resolve(container);
    try {
      Path address = bundle.resolve("address");
      String text =
          Files.exists(address)
              ? Files.readString(address)
              : dev.casemate.base.Json.parseObject(
                      Files.readString(bundle.resolve("bootstrap.json")))
                  .string("address");
      return Path.of(text.strip().replaceFirst("^unix://", ""));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** FIFOs of a client that was killed before it could. */
  public void removeFifos() {
    Shell.run("find '" + fifos + "' -mindepth 1 -delete");
  }

  private String network() {
    return """
    {"cniVersion":"1.0.0","name":"casemate-tests","plugins":[
      {"type":"bridge","bridge":"cmg0","isGateway":true,"ipMasq":true,"hairpinMode":true,
       "ipam":{"type":"host-local","dataDir":"%s","ranges":[[{"subnet":"10.89.77.0/24"}],[{"subnet":"fd89:77::/64"}]],
         "routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}},
      {"type":"portmap","capabilities":{"portMappings":true}}]}
    """
        .formatted(root.resolve("cni/ipam"));
  }

  private String versionTwo() {
    return """
    version = 2
    root = "%s"
    state = "%s"
    oom_score = 0
    [grpc]
      address = "%s"
    [plugins."io.containerd.grpc.v1.cri"]
      sandbox_image = "%s"
      restrict_oom_score_adj = true
      netns_mounts_under_state_dir = true
      [plugins."io.containerd.grpc.v1.cri".cni]
        bin_dir = "/usr/lib/cni"
        conf_dir = "%s"
      [plugins."io.containerd.grpc.v1.cri".containerd]
        default_runtime_name = "tested"
    %s
    """
        .formatted(
            root(),
            state(),
            socket(),
            TestImage.pause().name(),
            root.resolve("cni/conf"),
            handlers("io.containerd.grpc.v1.cri", false));
  }

  private String versionThree() {
    return """
    version = 3
    root = "%s"
    state = "%s"
    oom_score = 0
    [grpc]
      address = "%s"
    [plugins.'io.containerd.cri.v1.images'.pinned_images]
      sandbox = '%s'
    [plugins.'io.containerd.cri.v1.runtime']
      restrict_oom_score_adj = true
      netns_mounts_under_state_dir = true
      [plugins.'io.containerd.cri.v1.runtime'.cni]
        bin_dirs = ["/usr/lib/cni"]
        conf_dir = "%s"
      [plugins.'io.containerd.cri.v1.runtime'.containerd]
        default_runtime_name = "tested"
    %s
    [plugins.'io.containerd.nri.v1.nri']
      disable = true
    [plugins.'io.containerd.snapshotter.v1.blockfile']
      scratch_file = "%s"
      fs_type = "ext4"
      mount_options = []
    """
        .formatted(
            root(),
            state(),
            socket(),
            TestImage.pause().name(),
            root.resolve("cni/conf"),
            handlers("io.containerd.cri.v1.runtime", true),
            scratch());
  }

  /** An empty file system for the blockfile snapshotter. */
  private Path scratch() {
    Path scratch = base.resolve("scratch.ext4");
    Shell.run("truncate -s 40M '" + scratch + "' && mkfs.ext4 -q '" + scratch + "'");
    return scratch;
  }

  /**
   * Runtime classes: the tested one, one with a file of options, one whose sandbox is a shim's, and
   * one whose features containerd asks for.
   */
  private String handlers(String plugin, boolean sandboxer) {
    StringBuilder text = new StringBuilder();
    String type = RuntimeUnderTest.chosen().type();
    for (String handler : List.of("tested", "configured", "sandboxed", "advertised")) {
      boolean advertised = handler.equals("advertised");
      if ((handler.equals("sandboxed") || advertised) && !sandboxer) {
        continue;
      }
      String table = "plugins.'" + plugin + "'.containerd.runtimes." + handler;
      text.append("[").append(table).append("]\n");
      if (advertised && RuntimeUnderTest.chosen().hasVm()) {
        text.append("  runtime_type = \"").append(RuntimeUnderTest.RUNC.type()).append("\"\n");
        text.append("  runtime_path = \"")
            .append(programs.program("containerd-shim-casemate-v2"))
            .append("\"\n");
      } else {
        text.append("  runtime_type = \"").append(type).append("\"\n");
      }
      text.append("  pod_annotations = [\"io.katacontainers.*\", \"dev.casemate.*\"]\n");
      text.append("  privileged_without_host_devices = true\n");
      if (handler.equals("sandboxed")) {
        text.append("  sandboxer = \"shim\"\n");
      }
      if (handler.equals("configured") && RuntimeUnderTest.chosen().hasVm()) {
        text.append("[").append(table).append(".options]\n");
        text.append("  ConfigPath = \"").append(configPath).append("\"\n");
      }
      if (RuntimeUnderTest.chosen() == RuntimeUnderTest.CELL) {
        text.append("[").append(table).append(".options]\n");
        text.append("  BinaryName = \"").append(RuntimeUnderTest.cell()).append("\"\n");
      }
    }
    return text.toString();
  }
}
