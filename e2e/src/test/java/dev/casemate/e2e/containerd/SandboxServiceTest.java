package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.Json;
import dev.casemate.e2e.Result;
import dev.casemate.e2e.Shell;
import dev.casemate.e2e.Wait;
import dev.casemate.e2e.engine.Call;
import dev.casemate.e2e.engine.Containerd;
import dev.casemate.e2e.engine.Places;
import dev.casemate.e2e.engine.ShimByHand;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protocol.containerd.Metric;
import dev.casemate.protocol.cri.LinuxContainerResources;
import dev.casemate.protocol.cri.PodSandboxConfig;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.sandbox.CreateSandboxRequest;
import dev.casemate.protocol.sandbox.PingRequest;
import dev.casemate.protocol.sandbox.PlatformRequest;
import dev.casemate.protocol.sandbox.PlatformResponse;
import dev.casemate.protocol.sandbox.SandboxMetricsRequest;
import dev.casemate.protocol.sandbox.SandboxMetricsResponse;
import dev.casemate.protocol.sandbox.SandboxService;
import dev.casemate.protocol.sandbox.SandboxStatusRequest;
import dev.casemate.protocol.sandbox.SandboxStatusResponse;
import dev.casemate.protocol.sandbox.ShutdownSandboxRequest;
import dev.casemate.protocol.sandbox.StartSandboxRequest;
import dev.casemate.protocol.sandbox.StartSandboxResponse;
import dev.casemate.protocol.sandbox.StopSandboxRequest;
import dev.casemate.protocol.sandbox.UpdateSandboxRequest;
import dev.casemate.protocol.sandbox.WaitSandboxRequest;
import dev.casemate.protocol.sandbox.WaitSandboxResponse;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.TtrpcClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Every call of containerd's sandbox service, in the order of a pod's life. */
final class SandboxServiceTest extends ContainerdCases {
  private static Containerd containerd;
  private static ShimByHand shim;

  @BeforeAll
  static void start() {
    containerd = new Containerd(Containerd.Line.TWO);
    containerd.start();
    shim =
        new ShimByHand(
            "hand",
            Containerd.NAMESPACE,
            containerd.socket().toString(),
            "containerd",
            Map.of("MAX_SHIM_VERSION", "3", "TTRPC_ADDRESS", containerd.socket() + ".ttrpc"));
  }

  @AfterAll
  static void stop() {
    containerd.close();
  }

  @Override
  public Containerd engine() {
    return containerd;
  }

  private static byte[] call(TtrpcClient client, String method, ProtoMessage request) {
    return client.call(SandboxService.NAME, method, request.encode(), Call.TIMEOUT_SECONDS * 1000L);
  }

  @Test
  void aPodsLife() throws Exception {
    String pod = fresh("pod");
    Path empty = Places.fresh("bundle-" + pod);
    // Before the shim, whose mount namespace may not see what is mounted later.
    Shell.run("ip netns add cmsbx");
    Result started = shim.call(empty, new byte[0], "-id", pod, "start").expect(0);
    String address = Json.parseObject(started.out()).string("address");
    try (TtrpcClient client = ShimByHand.connect(address)) {
      PingRequest ping = PingRequest.builder().sandboxId(pod).build();
      assertThatThrownBy(() -> call(client, SandboxService.PING_SANDBOX, ping))
          .isInstanceOf(RpcException.class)
          .hasMessageContaining("CreateSandbox first");
      call(
          client,
          SandboxService.CREATE_SANDBOX,
          CreateSandboxRequest.builder()
              .sandboxId(pod)
              .bundlePath(empty.toString())
              .netnsPath("/run/netns/cmsbx")
              .options(
                  Any.builder()
                      .typeUrl("runtime.v1.PodSandboxConfig")
                      .value(PodSandboxConfig.builder().hostname("by-hand").build().encode())
                      .build())
              .build());
      StartSandboxResponse start =
          StartSandboxResponse.decode(
              call(
                  client,
                  SandboxService.START_SANDBOX,
                  StartSandboxRequest.builder().sandboxId(pod).build()));
      assertThat(Path.of("/proc/" + start.pid())).exists();
      assertThat(start.createdAt()).isPresent();
      call(client, SandboxService.PING_SANDBOX, ping);
      assertThat(
              PlatformResponse.decode(
                      call(
                          client,
                          SandboxService.PLATFORM,
                          PlatformRequest.builder().sandboxId(pod).build()))
                  .platform()
                  .orElseThrow()
                  .os())
          .isEqualTo("linux");
      assertThat(status(client, pod).state()).isEqualTo("SANDBOX_READY");

      String container = fresh("member");
      Path log = Places.fresh("out-" + container).resolve("log");
      Path bundle =
          shim.bundle(
              container,
              new Json.Obj(),
              "sh",
              "-c",
              "hostname; head -c 20000000 /dev/zero | tail -c 20000000 | sleep 1000 &"
                  + " while :; do awk '/MemTotal/ { print $2 }' /proc/meminfo; sleep 0.3; done");
      ShimByHand.run(client, container, bundle, log);
      updates(client, pod, log);
      metrics(client, pod);
      assertThat(ShimByHand.remove(client, container)).isEqualTo(137);
      // Containers come and go; the pod stays.
      call(client, SandboxService.PING_SANDBOX, ping);
      stop(client, pod);
    } finally {
      Shell.run("ip netns del cmsbx");
    }
  }

  private static void updates(TtrpcClient client, String pod, Path log) {
    Wait.until(SECONDS, () -> "the memory in " + read(log), () -> memoryMib(log) > 0);
    assertThat(read(log)).startsWith("by-hand\n");
    assertThat(memoryMib(log)).isBetween(400L, 512L);
    // 900 MiB and what the guest itself needs.
    update(client, pod, 900);
    Wait.until(SECONDS, () -> "900 MiB: " + read(log), () -> memoryMib(log) > 900);
    update(client, pod, 100);
    Wait.until(SECONDS, () -> "512 MiB again: " + read(log), () -> memoryMib(log) <= 512);
    assertThatThrownBy(
            () ->
                call(
                    client,
                    SandboxService.UPDATE_SANDBOX,
                    UpdateSandboxRequest.builder()
                        .sandboxId(pod)
                        .resources(Any.builder().typeUrl("example.com/Sizes").build())
                        .build()))
        .hasMessageContaining("example.com/Sizes");
  }

  private static void update(TtrpcClient client, String pod, long memoryMib) {
    LinuxContainerResources limits =
        LinuxContainerResources.builder().memoryLimitInBytes(memoryMib << 20).build();
    call(
        client,
        SandboxService.UPDATE_SANDBOX,
        UpdateSandboxRequest.builder()
            .sandboxId(pod)
            .resources(
                Any.builder()
                    .typeUrl("runtime.v1.LinuxContainerResources")
                    .value(limits.encode())
                    .build())
            .build());
  }

  private record Figures(long memory, long cpu, long pids) {}

  private static void metrics(TtrpcClient client, String pod) {
    Wait.until(
        SECONDS,
        () -> "20 MB: " + figures(client, pod),
        () -> figures(client, pod).memory() > 15_000_000);
    assertThat(figures(client, pod).cpu()).isPositive();
    assertThat(figures(client, pod).pids()).isGreaterThan(2);
  }

  /** All containers' together, in the form of this machine's cgroups. */
  private static Figures figures(TtrpcClient client, String pod) {
    Metric metric =
        SandboxMetricsResponse.decode(
                call(
                    client,
                    SandboxService.SANDBOX_METRICS,
                    SandboxMetricsRequest.builder().sandboxId(pod).build()))
            .metrics()
            .orElseThrow();
    Any data = metric.data().orElseThrow();
    assertThat(metric.timestamp()).isPresent();
    if (data.typeUrl().equals("io.containerd.cgroups.v2.Metrics")) {
      var all = dev.casemate.protocol.cgroups2.Metrics.decode(data.value());
      return new Figures(
          all.memory().orElseThrow().usage(),
          all.cpu().orElseThrow().usageUsec(),
          all.pids().orElseThrow().current());
    }
    assertThat(data.typeUrl()).isEqualTo("io.containerd.cgroups.v1.Metrics");
    var all = dev.casemate.protocol.cgroups1.Metrics.decode(data.value());
    return new Figures(
        all.memory().orElseThrow().usage().orElseThrow().usage(),
        all.cpu().orElseThrow().usage().orElseThrow().total(),
        all.pids().orElseThrow().current());
  }

  private static void stop(TtrpcClient client, String pod) {
    call(
        client,
        SandboxService.STOP_SANDBOX,
        StopSandboxRequest.builder().sandboxId(pod).timeoutSecs(10).build());
    WaitSandboxResponse end =
        WaitSandboxResponse.decode(
            call(
                client,
                SandboxService.WAIT_SANDBOX,
                WaitSandboxRequest.builder().sandboxId(pod).build()));
    assertThat(end.exitStatus()).isZero();
    assertThat(end.exitedAt()).isPresent();
    SandboxStatusResponse after = status(client, pod);
    assertThat(after.state()).isEqualTo("SANDBOX_NOTREADY");
    assertThat(after.exitedAt()).isPresent();
    call(
        client,
        SandboxService.SHUTDOWN_SANDBOX,
        ShutdownSandboxRequest.builder().sandboxId(pod).build());
  }

  private static SandboxStatusResponse status(TtrpcClient client, String pod) {
    return SandboxStatusResponse.decode(
        call(
            client,
            SandboxService.SANDBOX_STATUS,
            SandboxStatusRequest.builder().sandboxId(pod).verbose(true).build()));
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
