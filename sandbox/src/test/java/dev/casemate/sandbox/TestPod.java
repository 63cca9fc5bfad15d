package dev.casemate.sandbox;

import dev.casemate.base.Json;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Processes;
import dev.casemate.network.NetworkConfig;
import dev.casemate.oci.Spec;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** A pod in a real VM, driven as the shim drives it; its containers have busybox and podtool. */
final class TestPod implements AutoCloseable, SandboxListener {
  static final String GUEST =
      System.getProperty("casemate.test.guest", "/var/lib/casemate/guest/default");
  private static final int BOOT_MILLIS = 180_000;
  private static final int WAIT_SECONDS = 120;

  final Sandbox sandbox;
  final Optional<VmRestore> checkpoint;
  final SandboxPaths paths;
  final List<String> warnings = new CopyOnWriteArrayList<>();
  final List<String> outOfMemory = new CopyOnWriteArrayList<>();
  final List<String> ends = new CopyOnWriteArrayList<>();
  private final Path directory;
  private final Path root;
  private final Map<String, Path> logs = new ConcurrentHashMap<>();
  private static int number;

  /** A container that runs. */
  record Running(GuestContainer container, Path log) {
    /** What it has written so far, both streams, without the log's marks. */
    String output() {
      StringBuilder text = new StringBuilder();
      try {
        for (String line : Files.readAllLines(log)) {
          int mark = line.indexOf(' ', line.indexOf(' ', line.indexOf(' ') + 1) + 1);
          text.append(line.substring(mark + 1)).append('\n');
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return text.toString();
    }

    /** Waits until it has written something. */
    void await(String part) {
      Wait.until(
          WAIT_SECONDS, () -> "\"" + part + "\" in: " + output(), () -> output().contains(part));
    }

    /** Waits for its end; its output. */
    String end() {
      if (!container.init().awaitEnd(WAIT_SECONDS * 1000L)) {
        throw new AssertionError("it does not end: " + output());
      }
      return output();
    }
  }

  TestPod(Path directory, Optional<NetworkConfig> network, int hotplugPorts) throws IOException {
    this(directory, network, hotplugPorts, true);
  }

  TestPod(Path directory, Optional<NetworkConfig> network, int hotplugPorts, boolean sharing)
      throws IOException {
    this.directory = directory;
    // Sockets need short paths.
    int own = number++;
    String run = "/run/cm" + Processes.currentPid() % 10_000 + "-" + own;
    this.paths = new SandboxPaths(run, directory.resolve("state").toString());
    this.root = root(directory);
    String id = "pod" + own;
    Files.createDirectories(Path.of(paths.sandbox(id)));
    this.checkpoint = Optional.empty();
    this.sandbox = new Sandbox(paths, config(id, network, hotplugPorts, sharing), this);
    sandbox.boot("pod", _ -> {});
  }

  static SandboxConfig config(
      String id, Optional<NetworkConfig> network, int hotplugPorts, boolean sharing) {
    VmOptions vm =
        new VmOptions(
            "qemu",
            "auto",
            GUEST + "/vmlinux",
            GUEST + "/initramfs.cpio",
            320,
            1,
            BOOT_MILLIS,
            TemplateUse.NEVER);
    return new SandboxConfig(
        id,
        vm,
        network,
        sharing,
        hotplugPorts,
        new VmSize(192, 1),
        new VmSize(1400, 2),
        JailOptions.DEFAULT);
  }

  /** A pod that goes on from a checkpoint. */
  TestPod(Path directory, String saved, List<dev.casemate.protocol.containerd.Mount> rootfs)
      throws IOException {
    this.directory = Files.createDirectories(directory);
    int own = number++;
    String run = "/run/cm" + Processes.currentPid() % 10_000 + "-" + own;
    this.paths = new SandboxPaths(run, directory.resolve("state").toString());
    this.root = directory;
    String id = "pod" + own;
    Files.createDirectories(Path.of(paths.sandbox(id)));
    VmRestore restoration = VmRestore.of(saved, rootfs, config(id, Optional.empty(), 4, false));
    this.checkpoint = Optional.of(restoration);
    this.sandbox = new Sandbox(paths, restoration.config(), this);
    sandbox.restore(restoration);
  }

  /** Takes the container over that came with the checkpoint. */
  Running adopt(String id, VmRestore checkpoint) throws IOException {
    Path log = Files.createTempFile(directory, id, ".log");
    ContainerPlan plan =
        new ContainerPlan(
            id,
            "/bundle",
            Spec.fromJson(spec("", List.of(), new Json.Obj())),
            new RootPlan(List.of(), ""),
            List.of(),
            List.of(),
            List.of(),
            Stdio.none(false),
            Optional.of(new ContainerLog(log.toString())),
            new NamespaceScope(true, NamespaceScope.Pids.OWN),
            false);
    return new Running(sandbox.adopt(id, plan, checkpoint), log);
  }

  /** A root file system with busybox and podtool. */
  static Path root(Path directory) throws IOException {
    Path root = directory.resolve("root");
    for (String name : List.of("bin", "dev", "proc", "sys", "tmp", "etc")) {
      Files.createDirectories(root.resolve(name));
    }
    Files.copy(Path.of("/bin/busybox"), root.resolve("bin/busybox"));
    Shell.program(
        "/usr/bin/musl-gcc", "-static", "-Os", "-o", root + "/bin/podtool", "src/test/c/podtool.c");
    for (String name :
        List.of(
            "sh", "cat", "echo", "ls", "ip", "ping", "mount", "stat", "sleep", "dd", "df", "ps",
            "grep", "free", "nproc", "touch", "rm", "mkdir", "umount", "kill", "sync", "true")) {
      Files.createSymbolicLink(root.resolve("bin/" + name), Path.of("busybox"));
    }
    return root;
  }

  Path rootDirectory() {
    return root;
  }

  static Json.Obj bind(Path source, String destination, String... options) {
    return new Json.Obj()
        .put("type", "bind")
        .put("source", source.toString())
        .put("destination", destination)
        .putStrings("options", List.of(options.length == 0 ? new String[] {"rbind"} : options));
  }

  /** A specification with what every container has; {@code linux} comes on top. */
  static Json.Obj spec(String script, List<Json.Obj> mounts, Json.Obj linux) {
    Json.Obj base =
        Json.parseObject(
            """
            {"ociVersion":"1.1.0","root":{"path":"rootfs"},
             "process":{"args":["/bin/sh","-c",""],"cwd":"/","user":{"uid":0,"gid":0},
              "env":["PATH=/bin"],"capabilities":{
               "bounding":["CAP_SYS_ADMIN","CAP_NET_RAW","CAP_NET_ADMIN","CAP_MKNOD","CAP_KILL"],
               "effective":["CAP_SYS_ADMIN","CAP_NET_RAW","CAP_NET_ADMIN","CAP_MKNOD","CAP_KILL"],
               "permitted":["CAP_SYS_ADMIN","CAP_NET_RAW","CAP_NET_ADMIN","CAP_MKNOD","CAP_KILL"]}},
             "mounts":[{"destination":"/proc","type":"proc","source":"proc"},
              {"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["mode=755"]},
              {"destination":"/sys","type":"sysfs","source":"sysfs","options":["ro"]}],
             "linux":{"namespaces":[{"type":"pid"},{"type":"mount"},{"type":"ipc"},
              {"type":"uts"},{"type":"network"}]}}\
            """);
    Json.Obj process = base.object("process").orElseThrow();
    process.putStrings("args", List.of("/bin/sh", "-c", script));
    List<Json.Obj> all = new java.util.ArrayList<>(base.objects("mounts"));
    all.addAll(mounts);
    Json.Obj merged = base.object("linux").orElseThrow();
    linux.fields().forEach(merged::put);
    return base.putObjects("mounts", all).put("process", process).put("linux", merged);
  }

  Running start(String id, Json.Obj spec) throws IOException {
    return start(id, spec, Optional.empty(), new NamespaceScope(true, NamespaceScope.Pids.OWN));
  }

  Running start(String id, Json.Obj spec, Optional<RootPlan> rootPlan, NamespaceScope scope)
      throws IOException {
    Path log = Files.createTempFile(directory, id, ".log");
    logs.put(id, log);
    GuestContainer container =
        sandbox.create(
            id,
            vm -> {
              RootPlan plan =
                  rootPlan.orElseGet(
                      () -> RootPlan.shared(vm.shares().add(root.toString(), ShareMode.ROOT)));
              Volumes.Prepared prepared = vm.volumes().prepare(id, Spec.fromJson(spec));
              return new ContainerPlan(
                  id,
                  "/bundle",
                  prepared.spec(),
                  plan,
                  prepared.storages(),
                  prepared.devices(),
                  prepared.mounts(),
                  Stdio.none(false),
                  Optional.of(new ContainerLog(log.toString())),
                  scope,
                  false);
            });
    sandbox.execute(container);
    return new Running(container, log);
  }

  /** Runs a container to its end; its output. */
  String run(String id, String script, Json.Obj... mounts) throws IOException {
    Running running = start(id, spec(script, List.of(mounts), new Json.Obj()));
    String output = running.end();
    sandbox.delete(running.container());
    return output;
  }

  void stop(Running running) {
    if (running.container().init().running()) {
      sandbox.kill(running.container(), "", 9, true);
      running.container().init().awaitEnd();
    }
    sandbox.delete(running.container());
  }

  @Override
  public void warning(String message) {
    warnings.add(message);
  }

  @Override
  public void outOfMemory(GuestContainer container) {
    outOfMemory.add(container.id());
  }

  @Override
  public void vmEnded(dev.casemate.hypervisor.VmExit exit, String cause) {
    ends.add(cause);
  }

  @Override
  public void close() {
    sandbox.close();
    FileTree.removeTree(paths.run());
  }
}
