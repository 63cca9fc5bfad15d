package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.casemate.base.Json;
import dev.casemate.e2e.Running;
import dev.casemate.e2e.Shell;
import dev.casemate.e2e.Wait;
import dev.casemate.e2e.engine.Containerd;
import dev.casemate.e2e.engine.HostileInitramfs;
import dev.casemate.e2e.engine.Places;
import dev.casemate.e2e.engine.ShimByHand;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protocol.sandbox.CreateSandboxRequest;
import dev.casemate.protocol.sandbox.SandboxService;
import dev.casemate.protocol.sandbox.ShutdownSandboxRequest;
import dev.casemate.protocol.sandbox.StartSandboxRequest;
import dev.casemate.protocol.sandbox.StopSandboxRequest;
import dev.casemate.protocol.task.DeleteRequest;
import dev.casemate.protocol.task.KillRequest;
import dev.casemate.protocol.task.TaskService;
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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What containerd notices of a guest that floods it with events, or says no word: no more events
 * than one a second, and an end in time of whatever it ends.
 */
final class HostileShimTest extends ContainerdCases {
  private static final String NETNS = "cmsilent";
  private static final int MILLIS = 60_000;

  /** What an emulated guest on a busy machine may add to any bound. */
  private static final long SLACK_MILLIS = 15_000;

  private static Containerd containerd;

  @BeforeAll
  static void start() {
    containerd = new Containerd(Containerd.Line.TWO);
    containerd.start();
    containerd.withImages();
  }

  @AfterAll
  static void stop() {
    containerd.close();
  }

  @Override
  public Containerd engine() {
    return containerd;
  }

  @BeforeEach
  void onlyWithAVm() {
    assumeThat(VM).isTrue();
  }

  /** A configuration whose guest has the hostile agent. */
  private static Path config(String name, String roles) {
    Path directory = Places.fresh(name);
    Path initramfs = HostileInitramfs.write(directory.resolve("hostile.cpio"), roles);
    try {
      return Files.writeString(
          directory.resolve("casemate.toml"), "[vm]\ninitramfs = \"" + initramfs + "\"\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A container that stays, in a guest that plays roles once it makes the container. */
  private String hostile(String name, String roles) {
    List<String> options =
        List.of("--runtime-config-path", config(name, "").toString(), "--env", "HOSTILE=" + roles);
    return detached(name, options, "sleep", "1000");
  }

  private static long count(String text, String topic) {
    return text.lines().filter(line -> line.contains(" " + topic + " ")).count();
  }

  private static long since(long begin) {
    return (System.nanoTime() - begin) / 1_000_000;
  }

  @Test
  void aFloodOfEventsReachesContainerdOneASecond() {
    try (Running events = ctr("events").start()) {
      long begin = System.nanoTime();
      String id = hostile("floods", "GetOOMEvent oom");
      events.awaitOutput("/tasks/oom", SECONDS);
      Wait.millis(8_000);
      long told = count(events.soFar().out(), "/tasks/oom");
      // The first one, ten at once, and one a second.
      assertThat(told).isBetween(11L, 12 + since(begin) / 1000);
      assertThat(script(id, "echo served").expect(0).out()).isEqualTo("served\n");
      // Others' events do not wait behind a flood.
      long killed = System.nanoTime();
      ctr("task", "kill", "-s", "SIGKILL", id).ok();
      Wait.until(
          SECONDS,
          "the end to be told",
          () ->
              events
                  .soFar()
                  .out()
                  .lines()
                  .anyMatch(
                      line ->
                          line.contains("/tasks/exit")
                              && line.replace(" ", "").contains("\"id\":\"" + id + "\"")));
      assertThat(since(killed)).isLessThan(SLACK_MILLIS);
      remove(id);
    }
  }

  @Test
  void aGuestThatDoesNotTellTheEndOfWhatWasKilledLosesItsVm() {
    String id = hostile("keeps", "WaitProcess silent");
    long begin = System.nanoTime();
    ctr("task", "kill", "-s", "SIGKILL", id).ok();
    awaitStatus(id, "STOPPED");
    assertThat(since(begin)).isBetween(4_000L, 5_000 + SLACK_MILLIS);
    assertThat(delete(id)).isEqualTo(137);
    ctr("container", "delete", id).ok();
    assertThat(status(id)).isEmpty();
  }

  @Test
  void aGuestThatSaysNothingLosesItsVmWhenItIsToKill() {
    String id = hostile("dumb", "");
    assertThat(engine().exec(id, "hostile", "* silent").run().exit()).isNotZero();
    long begin = System.nanoTime();
    ctr("task", "kill", "-s", "SIGKILL", id).ok();
    awaitStatus(id, "STOPPED");
    assertThat(since(begin)).isLessThan(3_000 + SLACK_MILLIS);
    assertThat(delete(id)).isEqualTo(137);
    ctr("container", "delete", id).ok();
  }

  private static void call(TtrpcClient client, String method, ProtoMessage request) {
    client.call(SandboxService.NAME, method, request.encode(), MILLIS);
  }

  private static void kill(TtrpcClient client, String id) {
    ShimByHand.call(
        client, TaskService.KILL, KillRequest.builder().id(id).signal(9).all(true).build());
  }

  private static int delete(TtrpcClient client, String id) {
    int status = ShimByHand.await(client, id);
    ShimByHand.call(client, TaskService.DELETE, DeleteRequest.builder().id(id).build());
    return status;
  }

  private static Json.Obj proc() {
    return new Json.Obj()
        .put(
            "mounts",
            new Json.Arr(
                List.of(
                    new Json.Obj()
                        .put("type", "proc")
                        .put("source", "proc")
                        .put("destination", "/proc"))));
  }

  /** A pod, driven by hand. */
  private interface InPod {
    void run(ShimByHand shim, TtrpcClient client);
  }

  private static void pod(String roles, InPod test) {
    ShimByHand shim =
        new ShimByHand(
            "silent",
            Containerd.NAMESPACE,
            containerd.socket().toString(),
            "containerd",
            Map.of("MAX_SHIM_VERSION", "3", "TTRPC_ADDRESS", containerd.socket() + ".ttrpc"));
    String pod = fresh("pod");
    Path empty = Places.fresh("bundle-" + pod);
    Shell.run("ip netns add " + NETNS);
    byte[] options = ShimByHand.options(config(pod, roles)).encode();
    String address =
        Json.parseObject(shim.call(empty, options, "-id", pod, "start").expect(0).out())
            .string("address");
    try (TtrpcClient client = ShimByHand.connect(address)) {
      call(
          client,
          SandboxService.CREATE_SANDBOX,
          CreateSandboxRequest.builder()
              .sandboxId(pod)
              .bundlePath(empty.toString())
              .netnsPath("/run/netns/" + NETNS)
              .build());
      call(
          client,
          SandboxService.START_SANDBOX,
          StartSandboxRequest.builder().sandboxId(pod).build());
      test.run(shim, client);
      long begin = System.nanoTime();
      call(
          client, SandboxService.STOP_SANDBOX, StopSandboxRequest.builder().sandboxId(pod).build());
      call(
          client,
          SandboxService.SHUTDOWN_SANDBOX,
          ShutdownSandboxRequest.builder().sandboxId(pod).build());
      assertThat(since(begin)).as("a stop").isLessThan(5_000 + SLACK_MILLIS);
    } finally {
      Shell.run("ip netns del " + NETNS);
    }
    assertThat(Places.CASEMATE_RUN.resolve("sandboxes").resolve(pod)).doesNotExist();
  }

  private static void run(ShimByHand shim, TtrpcClient client, String id) {
    Path log = Places.fresh("out-" + id).resolve("log");
    ShimByHand.run(client, id, shim.bundle(id, proc(), "sleep", "1000"), log);
  }

  @Test
  void inAPodOneContainersEndIsWaitedForLonger() {
    String kept = fresh("kept");
    String other = fresh("other");
    pod(
        "WaitProcess~" + kept + " silent",
        (shim, client) -> {
          run(shim, client, other);
          run(shim, client, kept);
          long begin = System.nanoTime();
          kill(client, kept);
          assertThat(delete(client, kept)).isEqualTo(137);
          assertThat(since(begin)).isBetween(29_000L, 30_000 + SLACK_MILLIS);
          // It was in the same VM.
          assertThat(delete(client, other)).isEqualTo(137);
        });
  }

  @Test
  void aPodWhoseGuestIsSilentIsStoppedInTime() {
    String id = fresh("member");
    pod(
        "",
        (shim, client) -> {
          run(shim, client, id);
          try {
            exec(client, id);
          } catch (RpcException e) {
            assertThat(e.getMessage()).contains("played");
          }
        });
  }

  private static void exec(TtrpcClient client, String id) {
    dev.casemate.protocol.google.Any spec =
        dev.casemate.protocol.google.Any.builder()
            .typeUrl("types.containerd.io/opencontainers/runtime-spec/1/Process")
            .value(
                dev.casemate.oci.ProcessSpec.of(List.of("hostile", "* silent"), List.of(), "/")
                    .toJson()
                    .text()
                    .getBytes(java.nio.charset.StandardCharsets.UTF_8))
            .build();
    ShimByHand.call(
        client,
        TaskService.EXEC,
        dev.casemate.protocol.task.ExecProcessRequest.builder()
            .id(id)
            .execId("e1")
            .spec(spec)
            .build());
    ShimByHand.call(
        client,
        TaskService.START,
        dev.casemate.protocol.task.StartRequest.builder().id(id).execId("e1").build());
  }
}
