package dev.casemate.e2e.cri;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.e2e.GuestRoot;
import dev.casemate.e2e.engine.Containerd;
import dev.casemate.e2e.engine.Places;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.function.Consumer;
import kubernetes.cri.v1.Cri;
import org.junit.jupiter.api.Test;

/** Pods. Each test has one, and looks at as much of it as goes together. */
final class PodTest extends CriCases {
  @Test
  void resources() {
    try (Pod pod = new Pod(client(), "", resources(300L << 20, 100_000))) {
      String container =
          pod.start(
              "limited",
              config -> config.getLinuxBuilder().setResources(limits(100L << 20, 50_000)),
              "sh",
              "-c",
              "head -c 20000000 /dev/zero | tail -c 20000000 | sleep 1000");
      Wait.until(
          SECONDS,
          () -> "20 MB: " + stats(container),
          () -> stats(container).getMemory().getWorkingSetBytes().getValue() > 15_000_000);
      assertThat(stats(container).getCpu().getUsageCoreNanoSeconds().getValue()).isPositive();
      assertThat(limit(pod, container)).isEqualTo(100L << 20);
      client()
          .runtime()
          .updateContainerResources(
              Cri.UpdateContainerResourcesRequest.newBuilder()
                  .setContainerId(container)
                  .setLinux(limits(150L << 20, 70_000))
                  .build());
      assertThat(limit(pod, container)).isEqualTo(150L << 20);
      String victim =
          pod.start(
              "victim",
              config -> config.getLinuxBuilder().setResources(limits(64L << 20, 0)),
              "sh",
              "-c",
              "head -c 200000000 /dev/zero | tail -n 1");
      Wait.until(
          SECONDS,
          () -> "the victim's end: " + pod.status(victim),
          () -> pod.status(victim).getState() == Cri.ContainerState.CONTAINER_EXITED);
      assertThat(pod.status(victim).getReason()).isEqualTo("OOMKilled");
      assertThat(pod.script(container, "echo spared")).isEqualTo("spared\n");
    }
  }

  private static Consumer<Cri.PodSandboxConfig.Builder> resources(long memory, long quota) {
    return pod -> pod.getLinuxBuilder().setResources(limits(memory, quota));
  }

  private static Cri.LinuxContainerResources limits(long memory, long quota) {
    return Cri.LinuxContainerResources.newBuilder()
        .setMemoryLimitInBytes(memory)
        .setCpuPeriod(100_000)
        .setCpuQuota(quota)
        .build();
  }

  /** As the container sees its own control group. */
  private static long limit(Pod pod, String container) {
    return Long.parseLong(
        pod.script(
                container,
                "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>"
                    + " /dev/null || true")
            .strip());
  }

  private Cri.ContainerStats stats(String container) {
    return client()
        .runtime()
        .containerStats(Cri.ContainerStatsRequest.newBuilder().setContainerId(container).build())
        .getStats();
  }

  @Test
  void volumes() throws IOException {
    Path base = Places.fresh("kubelet");
    Path empty = Files.createDirectories(base.resolve("volumes/kubernetes.io~empty-dir/shared"));
    Path secret = Files.createDirectories(base.resolve("volumes/kubernetes.io~secret/token"));
    project(secret, "first");
    Path hosts =
        Files.writeString(
            base.resolve("etc-hosts"), "127.0.0.1 localhost\n10.0.0.9 written-by-kubelet\n");
    Path termination = Files.createFile(base.resolve("termination-log"));
    Consumer<Cri.ContainerConfig.Builder> mounts =
        config ->
            config
                .addMounts(mount(empty, "/shared", false))
                .addMounts(mount(secret, "/secret", true))
                .addMounts(mount(hosts, "/etc/hosts", false))
                .addMounts(mount(termination, "/dev/termination-log", false));
    try (Pod pod = new Pod(client())) {
      String first = pod.start("one", mounts, "sleep", "1000");
      String second = pod.start("two", mounts, "sleep", "1000");
      pod.script(first, "echo shared > /shared/file; echo last words > /dev/termination-log");
      assertThat(pod.script(second, "cat /shared/file")).isEqualTo("shared\n");
      assertThat(Files.readString(empty.resolve("file"))).isEqualTo("shared\n");
      assertThat(Files.readString(termination)).isEqualTo("last words\n");
      assertThat(pod.script(first, "cat /secret/token /etc/hosts"))
          .contains("first\n")
          .contains("written-by-kubelet");
      if (VM) {
        pod.script(first, "echo '10.0.0.8 mine' >> /etc/hosts");
        assertThat(pod.script(second, "cat /etc/hosts")).contains("written-by-kubelet", "mine");
        assertThat(Files.readString(hosts)).doesNotContain("mine");
      }
      assertThat(pod.exec(first, "touch", "/secret/x").err()).contains("Read-only file system");
      // A kubelet changes what is projected by exchanging one link.
      project(secret, "second");
      Wait.until(
          SECONDS,
          () -> "the new secret: " + pod.exec(first, "cat", "/secret/token"),
          () -> pod.exec(first, "cat", "/secret/token").out().equals("second\n"));
    }
  }

  @Test
  void guestRootGetsNowhereBeyondItsShares() throws IOException {
    if (!VM) {
      return;
    }
    Path base = Places.fresh("wall");
    GuestRoot.Prey prey = GuestRoot.Prey.in(base);
    Consumer<Cri.ContainerConfig.Builder> mounts =
        config ->
            config
                .addMounts(mount(prey.volume(), "/volume", true))
                .addMounts(mount(prey.file(), "/file", true))
                .getLinuxBuilder()
                .getSecurityContextBuilder()
                .getCapabilitiesBuilder()
                .addAddCapabilities("SYS_ADMIN");
    try (Pod pod = new Pod(client())) {
      String attacker = pod.start("attacker", mounts, "sleep", "1000");
      GuestRoot.assertRepelled(pod.script(attacker, prey.attack()), 1, 1);
      // Its root and its file are shared under the names that the attacker wanted to take.
      Path late = Files.writeString(base.resolve("late"), "late");
      String next =
          pod.start(
              "next", config -> config.addMounts(mount(late, "/late", false)), "sleep", "1000");
      assertThat(pod.script(next, "cat /late; echo written > /late")).isEqualTo("late");
      assertThat(Files.readString(late)).isEqualTo("written\n");
      for (String container : List.of(next, attacker)) {
        pod.stop(container, 0);
        pod.remove(container);
      }
    }
    prey.assertUnharmed();
  }

  private static Cri.Mount mount(Path host, String container, boolean readOnly) {
    return Cri.Mount.newBuilder()
        .setHostPath(host.toString())
        .setContainerPath(container)
        .setReadonly(readOnly)
        .build();
  }

  /** Writes a file as a kubelet does: into a directory of its own, to which links lead. */
  private static void project(Path volume, String content) throws IOException {
    Path data = Files.createDirectories(volume.resolve("..data_" + content));
    Files.writeString(data.resolve("token"), content + "\n");
    Path link = volume.resolve("..data_tmp");
    Files.createSymbolicLink(link, data.getFileName());
    Files.move(
        link,
        volume.resolve("..data"),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
    if (!Files.isSymbolicLink(volume.resolve("token"))) {
      Files.createSymbolicLink(volume.resolve("token"), Path.of("..data/token"));
    }
  }

  @Test
  void aSharedProcessNamespace() {
    try (Pod pod =
        new Pod(
            client(),
            "",
            config ->
                config
                    .getLinuxBuilder()
                    .getSecurityContextBuilder()
                    .getNamespaceOptionsBuilder()
                    .setPid(Cri.NamespaceMode.POD))) {
      String first = pod.start("one", "sleep", "4321");
      String second = pod.start("two", "sleep", "1000");
      assertThat(pod.script(second, "ps -o args")).contains("sleep 4321");
      pod.script(second, "kill -KILL $(ps -o pid,args | grep '[s]leep 4321' | awk '{ print $1 }')");
      pod.awaitExit(first, 137);
    }
  }

  @Test
  void aRuntimeClassThatIsNotThere() {
    assertThatThrownBy(() -> new Pod(client(), "no-such-class", pod -> {}).close())
        .hasMessageContaining("no-such-class");
  }

  @Test
  void aRuntimeClassWithAConfiguration() {
    if (!VM) {
      assertThat(memoryMib("", "")).isPositive();
      return;
    }
    assertThat(memoryMib("configured", "")).isBetween(480L, 640L);
    assertThat(memoryMib("configured", "400")).isBetween(250L, 400L);
    assertThatThrownBy(() -> memoryMib("", "400"))
        .hasMessageContaining("default_memory")
        .hasMessageContaining("is not allowed on this node");
    removeContainers();
  }

  /** What a VM has whose pod asks for so much by an annotation. */
  private long memoryMib(String handler, String annotation) {
    Consumer<Cri.PodSandboxConfig.Builder> annotations =
        config -> {
          if (!annotation.isEmpty()) {
            config.putAnnotations("io.katacontainers.config.hypervisor.default_memory", annotation);
          }
        };
    try (Pod pod = new Pod(client(), handler, annotations)) {
      String container = pod.start("one", "sleep", "1000");
      return Long.parseLong(
              pod.script(container, "awk '/MemTotal/ { print $2 }' /proc/meminfo").strip())
          / 1024;
    }
  }

  @Test
  void aPodWhoseSandboxIsTheShims() {
    if (line == Containerd.Line.ONE_SIX || !VM) {
      assertThatThrownBy(() -> new Pod(client(), "sandboxed", pod -> {}).close())
          .hasMessageContaining("sandbox");
      if (line == Containerd.Line.TWO) {
        removeContainers();
      }
      return;
    }
    try (Pod pod = new Pod(client(), "sandboxed", config -> {})) {
      assertThat(pod.status().getState()).isEqualTo(Cri.PodSandboxState.SANDBOX_READY);
      String first = pod.start("one", "sleep", "1000");
      String second = pod.start("two", "sh", "-c", "exit 4");
      pod.awaitExit(second, 4);
      assertThat(pod.script(first, "hostname")).isEqualTo(pod.name() + "\n");
      assertThat(pod.script(first, "ip -4 addr show eth0"))
          .contains("inet " + pod.address() + "/24");
      pod.stop(first, 0);
      pod.awaitExit(first, 137);
    }
  }

  @Test
  void podsRestartOfContainerd() {
    try (Pod pod = new Pod(client())) {
      String container =
          pod.start(
              "one", "sh", "-c", "i=0; while :; do i=$((i+1)); echo line-$i; sleep 0.2; done");
      pod.script(container, "echo kept > /tmp/file");
      engine().kill();
      engine().start();
      reconnect();
      assertThat(pod.status().getState()).isEqualTo(Cri.PodSandboxState.SANDBOX_READY);
      assertThat(pod.status(container).getState()).isEqualTo(Cri.ContainerState.CONTAINER_RUNNING);
      assertThat(pod.script(container, "cat /tmp/file")).isEqualTo("kept\n");
      String another = pod.start("two", "sh", "-c", "exit 6");
      pod.awaitExit(another, 6);
      assertThat(pod.script(container, "ip -4 addr show eth0")).contains(pod.address());
    }
  }

  /** After a restart of containerd. */
  void reconnect() {
    Wait.until(
        60,
        "the runtime to be ready again",
        () -> {
          try {
            return client()
                .runtime()
                .status(Cri.StatusRequest.getDefaultInstance())
                .getStatus()
                .getConditionsList()
                .stream()
                .allMatch(Cri.RuntimeCondition::getStatus);
          } catch (io.grpc.StatusRuntimeException e) {
            return false;
          }
        });
  }

  @Test
  void severalPodsAtOnce() {
    try (Pod first = new Pod(client());
        Pod second = new Pod(client())) {
      String server =
          first.start(
              "server",
              "sh",
              "-c",
              "mkdir /www; echo from-first > /www/index.html; exec httpd -f -p 80 -h /www");
      String caller = second.start("caller", "sleep", "1000");
      assertThat(List.of(first.address(), second.address())).doesNotHaveDuplicates();
      Wait.until(
          SECONDS,
          "the page of the other pod",
          () ->
              second
                  .exec(caller, "timeout", "10", "wget", "-qO-", "http://" + first.address() + "/")
                  .out()
                  .equals("from-first\n"));
      assertThat(first.status(server).getState()).isEqualTo(Cri.ContainerState.CONTAINER_RUNNING);
    }
  }
}
