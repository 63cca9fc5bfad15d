package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.casemate.base.Json;
import dev.casemate.e2e.engine.Places;
import dev.casemate.e2e.engine.ShimByHand;
import dev.casemate.protocol.casemate.HostMemory;
import dev.casemate.protocol.casemate.HostProcess;
import dev.casemate.protocol.casemate.HostUse;
import dev.casemate.protocol.containerd.Metric;
import dev.casemate.protocol.cri.LinuxContainerResources;
import dev.casemate.protocol.cri.LinuxPodSandboxConfig;
import dev.casemate.protocol.cri.PodSandboxConfig;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.sandbox.PingRequest;
import dev.casemate.protocol.sandbox.PlatformRequest;
import dev.casemate.protocol.sandbox.PlatformResponse;
import dev.casemate.protocol.sandbox.SandboxMetricsRequest;
import dev.casemate.protocol.sandbox.SandboxMetricsResponse;
import dev.casemate.protocol.sandbox.SandboxService;
import dev.casemate.protocol.sandbox.SandboxStatusRequest;
import dev.casemate.protocol.sandbox.SandboxStatusResponse;
import dev.casemate.protocol.sandbox.StartSandboxResponse;
import dev.casemate.protocol.sandbox.StopSandboxRequest;
import dev.casemate.protocol.sandbox.UpdateSandboxRequest;
import dev.casemate.protocol.sandbox.WaitSandboxRequest;
import dev.casemate.protocol.sandbox.WaitSandboxResponse;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** Every call of containerd's sandbox service, to one pod; the last test ends it. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class SandboxServiceTest extends NewestLineCases {
  private static PodByHand pod;
  private static String early = "";
  private static StartSandboxResponse started;

  private String container = "";
  private Path log = Path.of("");

  @BeforeAll
  static void makePod() {
    pod = new PodByHand(containerd(), fresh("pod"), Optional.empty());
    early = String.valueOf(catchThrowable(SandboxServiceTest::ping));
    PodSandboxConfig config =
        PodSandboxConfig.builder()
            .hostname("by-hand")
            .linux(
                LinuxPodSandboxConfig.builder().putSysctls("kernel.shm_rmid_forced", "1").build())
            .build();
    pod.create(
        Optional.of(
            Any.builder().typeUrl("runtime.v1.PodSandboxConfig").value(config.encode()).build()));
    started = pod.start();
  }

  @AfterAll
  static void closePod() {
    pod.close();
  }

  private static void ping() {
    pod.call(SandboxService.PING_SANDBOX, PingRequest.builder().sandboxId(pod.id()).build());
  }

  private void startContainer(String name, String script) {
    container = fresh(name);
    log = Places.fresh("out-" + container).resolve("log");
    pod.run(container, new Json.Obj(), log, "sh", "-c", script);
  }

  /** Starts a container that keeps 20 MB and tells its VM's memory again and again. */
  private void startContainer() {
    startContainer(
        "member",
        "hostname; head -c 20000000 /dev/zero | tail -c 20000000 | sleep 1000 &"
            + " while :; do awk '/MemTotal/ { print $2 }' /proc/meminfo; sleep 0.3; done");
    Wait.until(SECONDS, () -> "the memory in " + read(log), () -> memoryMib(log) > 0);
  }

  /** Containers come and go; the pod stays. */
  @AfterEach
  void removeContainer() {
    if (!container.isEmpty()) {
      assertThat(ShimByHand.remove(pod.client(), container)).isEqualTo(137);
      ping();
    }
  }

  @Test
  void beforeTheSandboxIsCreatedACallIsRefused() {
    assertThat(early).contains("RpcException").contains("CreateSandbox first");
  }

  @Test
  void theSandboxRuns() {
    assertThat(Path.of("/proc/" + started.pid())).exists();
    assertThat(started.createdAt()).isPresent();
    ping();
    assertThat(status().state()).isEqualTo("SANDBOX_READY");
  }

  @Test
  void itsPlatformIsLinux() {
    PlatformResponse platform =
        PlatformResponse.decode(
            pod.call(
                SandboxService.PLATFORM, PlatformRequest.builder().sandboxId(pod.id()).build()));
    assertThat(platform.platform().orElseThrow().os()).isEqualTo("linux");
  }

  @Test
  void thePodsSysctlsApply() {
    startContainer(
        "sysctl",
        "cat /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_unprivileged_port_start;"
            + " exec sleep 1000");
    Wait.until(SECONDS, () -> "two lines in " + read(log), () -> read(log).lines().count() == 2);
    assertThat(read(log)).isEqualTo("1\n0\n");
  }

  @Test
  void updatesChangeTheMemoryOfTheVm() {
    startContainer();
    assertThat(read(log)).startsWith("by-hand\n");
    assertThat(memoryMib(log)).isBetween(400L, 512L);
    // 900 MiB and what the guest itself needs.
    update(900);
    Wait.until(SECONDS, () -> "900 MiB: " + read(log), () -> memoryMib(log) > 900);
    update(100);
    Wait.until(SECONDS, () -> "512 MiB again: " + read(log), () -> memoryMib(log) <= 512);
  }

  @Test
  void anUpdateOfAnotherKindIsRefused() {
    Any unknown = Any.builder().typeUrl("example.com/Sizes").build();
    assertThatThrownBy(() -> update(unknown)).hasMessageContaining("example.com/Sizes");
  }

  @Test
  void metricsAreThoseOfAllContainers() {
    startContainer();
    Wait.until(SECONDS, () -> "20 MB: " + figures(), () -> figures().memory() > 15_000_000);
    assertThat(figures().cpu()).isPositive();
    assertThat(figures().pids()).isGreaterThan(2);
    HostUse host = figures().host();
    HostMemory cost = host.memory().orElseThrow();
    assertThat(cost.pssBytes()).isGreaterThan(64L << 20);
    assertThat(cost.pssBytes()).isEqualTo(cost.privateBytes() + cost.sharedBytes());
    assertThat(host.processes()).extracting(HostProcess::role).contains("vmm", "sandbox");
    assertThat(host.processes().getFirst().pid()).isEqualTo(status().pid());
  }

  @Test
  @Order(Integer.MAX_VALUE)
  void aStoppedSandboxTellsItsEnd() {
    pod.call(
        SandboxService.STOP_SANDBOX,
        StopSandboxRequest.builder().sandboxId(pod.id()).timeoutSecs(10).build());
    WaitSandboxResponse end =
        WaitSandboxResponse.decode(
            pod.call(
                SandboxService.WAIT_SANDBOX,
                WaitSandboxRequest.builder().sandboxId(pod.id()).build()));
    assertThat(end.exitStatus()).isZero();
    assertThat(end.exitedAt()).isPresent();
    SandboxStatusResponse after = status();
    assertThat(after.state()).isEqualTo("SANDBOX_NOTREADY");
    assertThat(after.exitedAt()).isPresent();
    pod.shutdown();
  }

  private static void update(long memoryMib) {
    LinuxContainerResources limits =
        LinuxContainerResources.builder().memoryLimitInBytes(memoryMib << 20).build();
    update(
        Any.builder().typeUrl("runtime.v1.LinuxContainerResources").value(limits.encode()).build());
  }

  private static void update(Any resources) {
    pod.call(
        SandboxService.UPDATE_SANDBOX,
        UpdateSandboxRequest.builder().sandboxId(pod.id()).resources(resources).build());
  }

  private record Figures(long memory, long cpu, long pids, HostUse host) {}

  /** All containers' together, in the form of this machine's cgroups. */
  private static Figures figures() {
    Metric metric =
        SandboxMetricsResponse.decode(
                pod.call(
                    SandboxService.SANDBOX_METRICS,
                    SandboxMetricsRequest.builder().sandboxId(pod.id()).build()))
            .metrics()
            .orElseThrow();
    Any data = metric.data().orElseThrow();
    assertThat(metric.timestamp()).isPresent();
    if (data.typeUrl().equals("io.containerd.cgroups.v2.Metrics")) {
      var all = dev.casemate.protocol.cgroups2.Metrics.decode(data.value());
      return new Figures(
          all.memory().orElseThrow().usage(),
          all.cpu().orElseThrow().usageUsec(),
          all.pids().orElseThrow().current(),
          all.host().orElseThrow());
    }
    assertThat(data.typeUrl()).isEqualTo("io.containerd.cgroups.v1.Metrics");
    var all = dev.casemate.protocol.cgroups1.Metrics.decode(data.value());
    return new Figures(
        all.memory().orElseThrow().usage().orElseThrow().usage(),
        all.cpu().orElseThrow().usage().orElseThrow().total(),
        all.pids().orElseThrow().current(),
        all.host().orElseThrow());
  }

  private static SandboxStatusResponse status() {
    return SandboxStatusResponse.decode(
        pod.call(
            SandboxService.SANDBOX_STATUS,
            SandboxStatusRequest.builder().sandboxId(pod.id()).verbose(true).build()));
  }

  /** What the container said last of its VM's memory; 0 before it has. */
  private static long memoryMib(Path log) {
    List<String> lines = read(log).lines().toList();
    return lines.size() < 2 ? 0 : Long.parseLong(lines.getLast()) / 1024;
  }

  private static String read(Path log) {
    try {
      return Files.exists(log) ? Files.readString(log) : "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
