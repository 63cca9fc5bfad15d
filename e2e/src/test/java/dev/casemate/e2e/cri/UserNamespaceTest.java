package dev.casemate.e2e.cri;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.e2e.engine.Containerd;
import dev.casemate.e2e.engine.Places;
import dev.casemate.e2e.engine.RuntimeUnderTest;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.function.Consumer;
import kubernetes.cri.v1.Cri;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;

/**
 * A pod with {@code hostUsers: false}, as a kubelet makes it. containerd 1.6 knows no such pods and
 * makes them as any other; the cell in runc's place is the subject of other tests.
 */
final class UserNamespaceTest extends CriCases {
  private static final int FIRST = 65536 * 3;

  private static boolean known;
  private static Pod pod;
  private static Path base;
  private static String one = "";
  private static String two = "";

  private static Cri.IDMapping map() {
    return Cri.IDMapping.newBuilder().setContainerId(0).setHostId(FIRST).setLength(65536).build();
  }

  private static void withUsers(Cri.PodSandboxConfig.Builder config) {
    config
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .getNamespaceOptionsBuilder()
        .setUsernsOptions(
            Cri.UserNamespace.newBuilder()
                .setMode(Cri.NamespaceMode.POD)
                .addUids(map())
                .addGids(map()));
  }

  private static Cri.Mount.Builder mount(Path host, String container) {
    return Cri.Mount.newBuilder().setHostPath(host.toString()).setContainerPath(container);
  }

  private static Cri.Mount.Builder mapped(Path host, String container) {
    return mount(host, container).addUidMappings(map()).addGidMappings(map());
  }

  @BeforeParameterizedClassInvocation
  static void startPod(Containerd.Line line) throws IOException {
    known = line != Containerd.Line.ONE_SIX;
    base = Places.fresh("users");
    Path volume = Files.createDirectories(base.resolve("volume"));
    Files.writeString(volume.resolve("file"), "host's\n");
    Path secret = Files.createDirectories(base.resolve("volumes/kubernetes.io~secret/token"));
    Path key = Files.writeString(secret.resolve("key"), "secret\n");
    Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-------"));
    Consumer<Cri.ContainerConfig.Builder> mounts =
        config ->
            config
                .addMounts(mapped(volume, "/volume"))
                .addMounts(mount(volume, "/unmapped"))
                .addMounts(mapped(secret, "/secret").setReadonly(true));
    pod = new Pod(client(), "", UserNamespaceTest::withUsers);
    one = pod.start("one", mounts, "sleep", "1000");
    two = pod.start("two", mounts, "sleep", "1000");
  }

  @AfterParameterizedClassInvocation
  static void removePod() {
    pod.close();
  }

  /** The pod is the whole class's. */
  @Override
  public void removeContainers() {}

  @Test
  void rootIsAnotherUserOutside() {
    if (known) {
      for (String file : List.of("/proc/self/uid_map", "/proc/1/gid_map")) {
        assertThat(pod.script(one, "cat " + file).strip().split(" +"))
            .containsExactly("0", Integer.toString(FIRST), "65536");
      }
      assertThat(pod.script(one, "id -u; stat -c %u:%g / /bin/busybox /etc/hosts"))
          .isEqualTo("0\n0:0\n0:0\n0:0\n");
    } else {
      assertThat(pod.script(one, "cat /proc/self/uid_map").strip().split(" +"))
          .containsExactly("0", "0", "4294967295");
    }
  }

  @Test
  void allContainersAreInOneUserNamespaceAndNotInTheVms() {
    if (known) {
      String own = pod.script(one, "readlink /proc/1/ns/user");
      assertThat(pod.script(one, "readlink /proc/self/ns/user")).isEqualTo(own);
      assertThat(pod.script(two, "readlink /proc/self/ns/user")).isEqualTo(own);
      assertThat(own).isNotEqualTo("user:[4026531837]\n");
      assertThat(pod.script(one, "readlink /proc/self/ns/mnt"))
          .isNotEqualTo(pod.script(two, "readlink /proc/self/ns/mnt"));
    }
  }

  @Test
  void aMappedVolumeIsTheContainersAndWhatItWritesBelongsToTheHostsRoot() throws IOException {
    if (known) {
      assertThat(pod.script(one, "stat -c %u:%g /volume/file; echo new > /volume/new"))
          .isEqualTo("0:0\n");
      assertThat(Files.getAttribute(base.resolve("volume/new"), "unix:uid")).isEqualTo(0);
      assertThat(pod.script(two, "cat /volume/new; stat -c %u /volume/new")).isEqualTo("new\n0\n");
    }
  }

  @Test
  void aVolumeWithoutMapsBelongsToNobody() {
    if (known) {
      assertThat(pod.script(one, "stat -c %u:%g /unmapped/file")).isEqualTo("65534:65534\n");
      assertThat(pod.exec(one, "touch", "/unmapped/other").exit()).isNotZero();
    }
  }

  @Test
  void aSecretBelongsToTheContainersRoot() {
    if (known) {
      assertThat(pod.script(one, "cat /secret/key; stat -c %u:%g:%a /secret/key"))
          .isEqualTo("secret\n0:0:600\n");
    }
  }

  @Test
  void rootWritesInItsOwnFiles() {
    if (known) {
      assertThat(
              pod.script(
                  one,
                  "echo x > /new && chown 12:34 /new && stat -c %u:%g /new;"
                      + " echo 10.0.0.7 mine >> /etc/hosts; grep -c mine /etc/hosts;"
                      + " echo shm > /dev/shm/file; stat -c %u /dev/shm/file"))
          .isEqualTo("12:34\n1\n0\n");
      assertThat(pod.script(two, "cat /dev/shm/file")).isEqualTo("shm\n");
    }
  }

  @Test
  void theKernelsFilesAreMounted() {
    if (known) {
      assertThat(
              pod.script(one, "ls /sys/class/net; ls -d /sys/fs/cgroup/cgroup.procs /dev/mqueue"))
          .contains("eth0", "/dev/mqueue");
      assertThat(pod.exec(one, "sh", "-c", "echo 1 > /proc/sys/vm/drop_caches").exit()).isNotZero();
    }
  }

  @Test
  void rootListensAtALowPort() {
    if (known) {
      pod.script(one, "mkdir -p /www; echo page > /www/index.html; httpd -p 80 -h /www");
      assertThat(pod.script(two, "timeout 20 wget -qO- http://127.0.0.1/")).isEqualTo("page\n");
    }
  }

  @Test
  void aContainerThatComesLaterJoinsTheNamespace() {
    if (known) {
      String before = pod.script(two, "readlink /proc/self/ns/user");
      String late = pod.start("late", "sleep", "1000");
      assertThat(pod.script(late, "readlink /proc/self/ns/user")).isEqualTo(before);
      pod.stop(late, 0);
      pod.remove(late);
    }
  }

  /** As programs do whose log files are links to /dev/stdout. */
  @Test
  void anyUserMayOpenTheStreamsAgain() {
    String write = "echo to-out > /dev/stdout; echo to-err > /dev/stderr; exec sleep 1000";
    String streams =
        pod.start(
            "streams",
            config ->
                config
                    .getLinuxBuilder()
                    .getSecurityContextBuilder()
                    .setRunAsUser(Cri.Int64Value.newBuilder().setValue(1000)),
            "sh",
            "-c",
            write);
    Wait.until(20, "both lines in the log", () -> pod.log("streams").contains("to-err"));
    assertThat(pod.log("streams")).contains(" stdout F to-out\n").contains(" stderr F to-err\n");
    assertThat(pod.script(streams, "echo again > /dev/stdout")).isEqualTo("again\n");
    pod.stop(streams, 0);
    pod.remove(streams);
  }

  @Test
  void aPodWhoseSandboxIsTheShims() {
    if (known && VM) {
      try (Pod sandboxed = new Pod(client(), "sandboxed", UserNamespaceTest::withUsers)) {
        String first = sandboxed.start("one", "sleep", "1000");
        String second = sandboxed.start("two", "sleep", "1000");
        String own = sandboxed.script(first, "readlink /proc/self/ns/user");
        sandboxed.stop(first, 0);
        assertThat(sandboxed.script(second, "readlink /proc/self/ns/user")).isEqualTo(own);
        assertThat(sandboxed.script(second, "stat -c %u / /etc/hosts; ls /sys/class/net"))
            .startsWith("0\n0\n")
            .contains("eth0");
      }
    }
  }

  /** {@code docs/containerd.md}: containerd 2.1 asks only what it takes for runc. */
  @Test
  void theRuntimeClassIsAdvertised() {
    if (!known || RuntimeUnderTest.chosen() != RuntimeUnderTest.CASEMATE) {
      return;
    }
    Cri.RuntimeHandlerFeatures features =
        client()
            .runtime()
            .status(Cri.StatusRequest.getDefaultInstance())
            .getRuntimeHandlersList()
            .stream()
            .filter(handler -> handler.getName().equals("advertised"))
            .findFirst()
            .orElseThrow()
            .getFeatures();
    assertThat(features.getUserNamespaces()).isTrue();
    assertThat(features.getRecursiveReadOnlyMounts()).isTrue();
    try (Pod advertised = new Pod(client(), "advertised", UserNamespaceTest::withUsers)) {
      String container = advertised.start("one", "sleep", "1000");
      assertThat(advertised.script(container, "cat /proc/self/uid_map"))
          .contains(Integer.toString(FIRST));
      assertThat(engine().pidsOf("qemu-system")).isNotEmpty();
    }
  }
}
