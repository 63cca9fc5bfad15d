package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.Json;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.protocol.containerd.Mount;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Storage, sizes and namespaces of a pod's containers, seen from inside a real VM. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
@Tag("vm")
class PodTest {
  @TempDir static Path directory;
  private static TestPod pod;
  private static final List<Path> mounted = new ArrayList<>();

  @BeforeAll
  static void startPod() throws IOException {
    pod = new TestPod(directory, Optional.empty(), 8);
  }

  @AfterAll
  static void stopPod() {
    try {
      pod.close();
    } finally {
      for (Path path : mounted) {
        Mounts.unmount(path.toString(), Mounts.DETACH);
      }
    }
    assertThat(Fs.exists(pod.paths.run())).isFalse();
    for (Mounts.Info mount : Mounts.list()) {
      assertThat(mount.target()).doesNotStartWith(pod.paths.run());
    }
  }

  private static Path volume(String plugin, String name) throws IOException {
    return Files.createDirectories(
        directory.resolve("pods/u/volumes/kubernetes.io~" + plugin).resolve(name));
  }

  private static Path mount(String fstype, String options, Path path) {
    Mounts.mount(fstype, path.toString(), fstype, 0, options);
    mounted.add(path);
    return path;
  }

  private static Json.Obj limits(String json) {
    return new Json.Obj().put("resources", Json.parseObject(json));
  }

  @Test
  void emptyDirInMemoryIsSharedAndOutlivesAContainer() throws Exception {
    Path memory = mount("tmpfs", "size=3m", volume("empty-dir", "memory"));
    Json.Obj bind = TestPod.bind(memory, "/cache");
    String first =
        pod.run("em1", "grep /cache /proc/mounts; df -k /cache; echo kept > /cache/file", bind);
    assertThat(first).contains("tmpfs").contains("3072");
    try (Stream<Path> onHost = Files.list(memory)) {
      assertThat(onHost).as("nothing of it is on the host").isEmpty();
    }
    assertThat(pod.run("em2", "cat /cache/file; dd if=/dev/zero of=/cache/big bs=1M count=5", bind))
        .contains("kept")
        .contains("No space left");
  }

  @Test
  void emptyDirOnDiskCarriesFilesAndSockets() throws Exception {
    Path disk = volume("empty-dir", "disk");
    TestPod.Running server =
        pod.start(
            "ed1",
            TestPod.spec(
                "podtool listen /shared/s.sock",
                List.of(TestPod.bind(disk, "/shared")),
                new Json.Obj()));
    assertThat(
            pod.run(
                "ed2",
                "podtool send /shared/s.sock hello && echo sent; echo x > /shared/x",
                TestPod.bind(disk, "/shared")))
        .contains("sent");
    server.await("got hello");
    pod.stop(server);
    assertThat(disk.resolve("x")).hasContent("x");
  }

  @Test
  void configMapsFollowAndTellSo() throws Exception {
    Path config = volume("configmap", "config");
    Files.createDirectory(config.resolve("..v1"));
    Files.writeString(config.resolve("..v1/key"), "one\n");
    Files.createSymbolicLink(config.resolve("..data"), Path.of("..v1"));
    Files.createSymbolicLink(config.resolve("key"), Path.of("..data/key"));
    TestPod.Running watcher =
        pod.start(
            "cm1",
            TestPod.spec(
                "cat /config/key; podtool watch /config; cat /config/key; ls -a /config",
                List.of(TestPod.bind(config, "/config", "rbind", "ro")),
                new Json.Obj()));
    watcher.await("READY");
    Files.createDirectory(config.resolve("..v2"));
    Files.writeString(config.resolve("..v2/key"), "two\n");
    Files.createSymbolicLink(config.resolve("..data_tmp"), Path.of("..v2"));
    Files.move(
        config.resolve("..data_tmp"), config.resolve("..data"), StandardCopyOption.ATOMIC_MOVE);
    FileTree.removeTree(config.resolve("..v1").toString());
    String output = watcher.end();
    pod.stop(watcher);
    assertThat(output).containsSubsequence("one\n", "READY\n", "moved ..data\n", "two\n");
  }

  @Test
  void blockDevicesAreDisks() throws Exception {
    Path image = directory.resolve("volume.img");
    Files.write(image, new byte[8 << 20]);
    Shell.program("/usr/sbin/losetup", "/dev/loop6", image.toString());
    try {
      Json.Obj linux =
          Json.parseObject(
              """
              {"devices":[{"path":"/dev/xvda","type":"b","major":7,"minor":6,"fileMode":432},
                {"path":"/dev/hostdisk","type":"b","major":7,"minor":0,"fileMode":432}],
               "resources":{"devices":[{"allow":false,"access":"rwm"},
                {"allow":true,"type":"b","major":7,"minor":6,"access":"rwm"}]}}\
              """);
      TestPod.Running writer =
          pod.start(
              "bd1",
              TestPod.spec(
                  "echo block-content | dd of=/dev/xvda conv=fsync; dd if=/dev/xvda bs=1M | wc -c;"
                      + " ls /dev/hostdisk",
                  List.of(TestPod.bind(Path.of("/dev/loop6"), "/dev/bound", "bind", "ro")),
                  linux));
      String output = writer.end();
      pod.stop(writer);
      assertThat(output).contains("No such file").doesNotContain("Permission denied");
      byte[] head = new byte[13];
      try (var in = Files.newInputStream(Path.of("/dev/loop6"))) {
        assertThat(in.read(head)).isEqualTo(13);
      }
      assertThat(new String(head)).isEqualTo("block-content");
    } finally {
      Shell.program("/usr/sbin/losetup", "-d", "/dev/loop6");
    }
    // Given back: the VM has its places again.
    assertThat(pod.sandbox.vm().volumes().disks()).isEmpty();
  }

  private static Mount rootfs(String type, Path source, String... options) {
    return Mount.builder().type(type).source(source.toString()).options(List.of(options)).build();
  }

  private String fromDisk(String id, String script, Mount... rootfs) throws IOException {
    pod.sandbox.awaitBoot();
    RootPlan plan = pod.sandbox.vm().volumes().root(id, List.of(rootfs)).orElseThrow();
    TestPod.Running running =
        pod.start(
            id,
            TestPod.spec(script, List.of(), new Json.Obj()),
            Optional.of(plan),
            new NamespaceScope(true, NamespaceScope.Pids.OWN));
    String output = running.end();
    pod.stop(running);
    return output;
  }

  @Test
  void rootsFromImages() throws Exception {
    Path root = pod.rootDirectory();
    Path ext4 = directory.resolve("root.ext4");
    Files.write(ext4, new byte[0]);
    Shell.program("/usr/sbin/mkfs.ext4", "-q", "-d", root.toString(), ext4.toString(), "16M");
    String script = "grep ' / ' /proc/mounts; echo written > /file; cat /file";
    assertThat(fromDisk("rx1", script, rootfs("ext4", ext4, "loop", "rw")))
        .contains("ext4")
        .contains("written");
    // The blockfile snapshotter's image is the container's: what was written stays.
    assertThat(fromDisk("rx2", "cat /file", rootfs("ext4", ext4, "loop", "rw")))
        .contains("written");
    Path erofs = directory.resolve("root.erofs");
    Shell.program("/usr/bin/mkfs.erofs", "--quiet", erofs.toString(), root.toString());
    assertThat(fromDisk("re1", script, rootfs("erofs", erofs, "ro", "loop")))
        .contains("overlay")
        .contains("written");
    Path more = directory.resolve("more");
    Files.writeString(
        Files.createDirectories(more.resolve("etc")).resolve("layer"), "second layer\n");
    Path second = directory.resolve("second.erofs");
    Shell.program("/usr/bin/mkfs.erofs", "--quiet", second.toString(), more.toString());
    Path upper = directory.resolve("upper.ext4");
    Files.write(upper, new byte[0]);
    Shell.program("/usr/sbin/mkfs.ext4", "-q", upper.toString(), "16M");
    assertThat(
            fromDisk(
                "rm1",
                script + "; cat /etc/layer",
                rootfs("ext4", upper, "rw", "loop"),
                rootfs("erofs", erofs, "ro", "loop"),
                rootfs("erofs", second, "ro", "loop"),
                Mount.builder()
                    .type("format/mkdir/overlay")
                    .source("overlay")
                    .options(
                        List.of(
                            "workdir={{ mount 0 }}/work",
                            "upperdir={{ mount 0 }}/upper",
                            "lowerdir={{ overlay 2 1 }}"))
                    .build()))
        .contains("written")
        .contains("second layer");
    assertThat(pod.sandbox.vm().volumes().disks()).isEmpty();
  }

  @Test
  void theVmGrowsWithItsContainers() throws Exception {
    pod.sandbox.awaitBoot();
    assertThat(pod.sandbox.vm().size().vcpus()).isEqualTo(1);
    TestPod.Running big =
        pod.start(
            "sz1",
            TestPod.spec(
                "free -m; nproc; sleep 1000",
                List.of(),
                limits(
                    """
                    {"memory":{"limit":536870912},"cpu":{"quota":150000,"period":100000}}\
                    """)));
    big.await("Swap");
    assertThat(pod.sandbox.vm().size().memoryMib()).isGreaterThanOrEqualTo(640);
    assertThat(pod.sandbox.vm().size().vcpus()).isEqualTo(2);
    big.await("\n2\n");
    big.container().update(Json.parseObject("{\"memory\":{\"limit\":805306368}}"));
    assertThat(pod.sandbox.vm().size().memoryMib()).isGreaterThanOrEqualTo(128 + 768);
    pod.stop(big);
    assertThat(pod.warnings).noneMatch(w -> w.contains("cannot be changed"));
  }

  @Test
  void hugePages() throws Exception {
    Path pages = mount("hugetlbfs", "pagesize=2M", volume("empty-dir", "pages"));
    TestPod.Running running =
        pod.start(
            "hp1",
            TestPod.spec(
                "grep /pages /proc/mounts; podtool huge /pages/file",
                List.of(TestPod.bind(pages, "/pages")),
                limits("{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":8388608}]}")));
    String output = running.end();
    pod.stop(running);
    assertThat(output).contains("hugetlbfs").contains("huge ok");
    assertThatThrownBy(() -> pod.run("hp2", "true", TestPod.bind(pages, "/pages")))
        .hasMessageContaining("hugepages-2Mi");
  }

  @Test
  void sharedMemoryAndProcesses() throws Exception {
    Path shm = mount("tmpfs", "size=2m", Files.createDirectories(directory.resolve("shm")));
    Json.Obj bind = TestPod.bind(shm, "/dev/shm");
    NamespaceScope shared = new NamespaceScope(true, NamespaceScope.Pids.SHARED);
    TestPod.Running first =
        pod.start(
            "sh1",
            TestPod.spec("echo 1 > /dev/shm/f; exec sleep 4321", List.of(bind), new Json.Obj()),
            Optional.empty(),
            shared);
    TestPod.Running second =
        pod.start(
            "sh2",
            TestPod.spec(
                "cat /dev/shm/f; df -k /dev/shm; ps; hostname", List.of(bind), new Json.Obj()),
            Optional.empty(),
            shared);
    String output = second.end();
    assertThat(output).contains("2048").contains("sleep 4321");
    pod.stop(second);
    String alone = pod.run("sh3", "ps");
    assertThat(alone).doesNotContain("sleep 4321");
    pod.stop(first);
  }

  @Test
  void memoryKillsAreTold() throws Exception {
    TestPod.Running eater =
        pod.start(
            "oom1",
            TestPod.spec("podtool eat", List.of(), limits("{\"memory\":{\"limit\":16777216}}")));
    eater.end();
    Wait.until(5, "the event", () -> pod.outOfMemory.contains("oom1"));
    pod.stop(eater);
  }

  @Test
  void terminationLogAndSubPaths() throws Exception {
    Path log = Files.createFile(directory.resolve("termination-log"));
    Path sub = Files.createDirectories(directory.resolve("volume/sub"));
    assertThat(
            pod.run(
                "tl1",
                "echo bye > /dev/termination-log; echo s > /data/s; touch /ro/x || echo read-only",
                TestPod.bind(log, "/dev/termination-log", "bind", "rw"),
                TestPod.bind(sub, "/data"),
                TestPod.bind(sub, "/ro", "rbind", "ro")))
        .contains("read-only");
    assertThat(log).hasContent("bye");
    assertThat(sub.resolve("s")).hasContent("s");
  }

  @Test
  void hostsIsACopyThatFollowsTheEnginesAndTakesNothingBack() throws Exception {
    Path hosts = Files.writeString(directory.resolve("etc-hosts"), "10.0.0.1 one\n");
    TestPod.Running writer =
        pod.start(
            "ho1",
            TestPod.spec(
                "cat /etc/hosts; dd if=/dev/zero of=/etc/hosts bs=1M count=20;"
                    + " echo mine > /etc/hosts; cat /etc/hosts;"
                    + " while ! grep -q two /etc/hosts; do sleep 0.1; done; cat /etc/hosts",
                List.of(TestPod.bind(hosts, "/etc/hosts")),
                new Json.Obj()));
    writer.await("mine");
    assertThat(writer.output()).contains("10.0.0.1 one", "No space left");
    assertThat(hosts).hasContent("10.0.0.1 one\n");
    Files.writeString(hosts, "10.0.0.2 two\n");
    pod.sandbox.vm().refreshNetwork();
    assertThat(writer.end()).endsWith("10.0.0.2 two\n");
    pod.stop(writer);
    assertThat(hosts).hasContent("10.0.0.2 two\n");
  }

  @Test
  void mountsOfOneContainerReachAnother() throws Exception {
    Path volume = Files.createDirectories(directory.resolve("propagation"));
    TestPod.Running receiver =
        pod.start(
            "pr1",
            TestPod.spec(
                "while ! grep -q /v/m /proc/mounts; do sleep 0.1; done; echo arrived",
                List.of(TestPod.bind(volume, "/v", "rbind", "rslave")),
                Json.parseObject("{\"rootfsPropagation\":\"rslave\"}")));
    TestPod.Running sender =
        pod.start(
            "pr2",
            TestPod.spec(
                "mkdir -p /v/m; mount -t tmpfs tmpfs /v/m && echo mounted; sleep 1000",
                List.of(TestPod.bind(volume, "/v", "rbind", "rshared")),
                Json.parseObject("{\"rootfsPropagation\":\"rshared\"}")));
    sender.await("mounted");
    receiver.await("arrived");
    pod.stop(sender);
    pod.stop(receiver);
  }

  @Test
  void aDeadShareEndsThePod(@TempDir Path other) throws Exception {
    try (TestPod victim = new TestPod(other, Optional.empty(), 0)) {
      TestPod.Running sleeper =
          victim.start("v1", TestPod.spec("sleep 1000", List.of(), new Json.Obj()));
      Json.Obj processes =
          Json.parseObject(
              FileContent.readString(
                  victim.paths.processes(victim.sandbox.config().id()), 1 << 16));
      int daemon = shareDaemon(processes);
      Processes.kill(-daemon, Signals.KILL);
      assertThat(sleeper.container().init().awaitEnd(30_000)).isTrue();
      assertThat(sleeper.container().init().exitStatus()).isEqualTo(GuestProcess.LOST_STATUS);
      Wait.until(10, "a cause of the end", () -> victim.sandbox.endCause().isPresent());
      assertThat(victim.warnings).anyMatch(w -> w.contains("virtiofsd"));
    }
  }

  private static int shareDaemon(Json.Obj processes) {
    return (int) processes.object("virtiofsd").orElseThrow().integer("pid", 0);
  }
}
