package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.Json;
import dev.casemate.linux.Fs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The user namespace of a pod, in a real VM. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
@Tag("vm")
class PodUsersTest {
  private static final NamespaceScope POD = new NamespaceScope(true, NamespaceScope.Pids.OWN);
  private static final String FIRST = "196608";
  private static final MountIds IDS =
      MountIds.parse("0:" + FIRST + ":65536", "0:" + FIRST + ":65536");

  @TempDir static Path directory;
  private static TestPod pod;

  @BeforeAll
  static void startPod() throws IOException {
    pod = new TestPod(directory, Optional.empty(), 0);
  }

  @AfterAll
  static void stopPod() {
    pod.close();
  }

  private static Json.Obj maps(String first) {
    String map = "[{\"containerID\":0,\"hostID\":" + first + ",\"size\":65536}]";
    return Json.parseObject(
        "{\"namespaces\":[{\"type\":\"user\",\"path\":\"/proc/1/ns/user\"},{\"type\":\"pid\"},"
            + "{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"network\"}],"
            + "\"uidMappings\":"
            + map
            + ",\"gidMappings\":"
            + map
            + ",\"sysctl\":{\"net.ipv4.tcp_fin_timeout\":\"31\"}}");
  }

  private static TestPod.Running start(String id, String script, Json.Obj linux, Json.Obj... mounts)
      throws IOException {
    pod.sandbox.awaitBoot();
    ShareMode mode = ShareMode.ROOT.withIds(IDS);
    String root = pod.sandbox.vm().shares().add(pod.rootDirectory().toString(), mode);
    Json.Obj spec = TestPod.spec(script, List.of(mounts), linux);
    return pod.start(id, spec, Optional.of(RootPlan.shared(root)), POD);
  }

  private static String run(String id, String script, Json.Obj... mounts) throws IOException {
    TestPod.Running running = start(id, script, maps(FIRST), mounts);
    String output = running.end();
    pod.sandbox.delete(running.container());
    return output;
  }

  private static Json.Obj mapped(Path source, String destination) {
    Json.Obj map = Json.parseObject("{\"containerID\":0,\"hostID\":" + FIRST + ",\"size\":65536}");
    return TestPod.bind(source, destination, "rbind", "rprivate")
        .putObjects("uidMappings", List.of(map))
        .putObjects("gidMappings", List.of(map));
  }

  @Test
  void allContainersAreInOneUserNamespaceOfTheVm() throws Exception {
    String script = "cat /proc/self/uid_map; busybox readlink /proc/self/ns/user";
    TestPod.Running holder =
        start("us1", "busybox readlink /proc/self/ns/user; sleep 1000", maps(FIRST));
    holder.await("user:[");
    List<String> lines = run("us2", script).lines().toList();
    assertThat(lines.getFirst().strip().split(" +")).containsExactly("0", FIRST, "65536");
    assertThat(holder.output().strip()).isEqualTo(lines.getLast());
    pod.stop(holder);
    assertThat(run("us3", script).lines().toList()).isEqualTo(lines);
    assertThat(pod.run("us4", script)).doesNotContain(lines.getLast());
    assertThatThrownBy(() -> start("us5", "true", maps("262144")))
        .hasMessageContaining("a pod has one user namespace");
  }

  @Test
  void rootOwnsItsFilesAndTheKernelsAreMounted() throws Exception {
    Json.Obj queues =
        new Json.Obj()
            .put("type", "mqueue")
            .put("source", "mqueue")
            .put("destination", "/dev/mqueue");
    String output =
        run(
            "us6",
            "stat -c %u:%g / /bin/busybox; echo x > /tmp/new && stat -c %u /tmp/new;"
                + " ls /sys/class/net; ls -d /dev/mqueue; ls /dev/null; cat"
                + " /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/tcp_fin_timeout;"
                + " (echo 1 > /proc/sys/vm/drop_caches) 2> /dev/null || echo no",
            queues);
    assertThat(output.lines())
        .startsWith("0:0", "0:0", "0")
        .contains("lo", "/dev/mqueue", "/dev/null", "0", "31")
        .endsWith("no");
    assertThat(Fs.stat(pod.rootDirectory() + "/tmp/new").uid()).isZero();
  }

  @Test
  void aMappedVolumeIsTheContainersAndAnotherIsNobodys() throws Exception {
    Path volume = Files.createDirectories(directory.resolve("volume"));
    Files.writeString(volume.resolve("file"), "x");
    Path hosts = Files.writeString(directory.resolve("hosts"), "10.0.0.1 one\n");
    String output =
        run(
            "us7",
            "stat -c %u /v/file /plain/file /etc/hosts; echo new > /v/new; echo two >> /etc/hosts"
                + " && cat /etc/hosts; echo no > /plain/new",
            mapped(volume, "/v"),
            TestPod.bind(volume, "/plain", "rbind"),
            mapped(hosts, "/etc/hosts"));
    assertThat(output.lines()).startsWith("0", "65534", "0").contains("10.0.0.1 one", "two");
    assertThat(volume.resolve("new")).hasContent("new\n");
    assertThat(Fs.stat(volume + "/new").uid()).isZero();
  }

  @Test
  void aVolumeThatCannotBeMappedIsRefusedByName() {
    assertThatThrownBy(() -> start("us8", "true", maps(FIRST), mapped(Path.of("/proc"), "/p")))
        .hasMessageContaining("/p");
    Json.Obj overlay =
        mapped(Path.of("overlay"), "/image")
            .put("type", "overlay")
            .putStrings("options", List.of("lowerdir=/tmp:/var"));
    assertThatThrownBy(() -> start("us9", "true", maps(FIRST), overlay))
        .hasMessageContaining("the overlay at /image has uidMappings");
  }
}
