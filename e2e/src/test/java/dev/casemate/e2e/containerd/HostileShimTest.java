package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.casemate.e2e.engine.HostileInitramfs;
import dev.casemate.e2e.engine.Places;
import dev.casemate.e2e.engine.ShimByHand;
import dev.casemate.protocol.task.DeleteRequest;
import dev.casemate.protocol.task.KillRequest;
import dev.casemate.protocol.task.TaskService;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.TtrpcClient;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Wait;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What containerd notices of a guest that floods it with events, or says no word: no more events
 * than one a second, and an end in time of whatever it ends.
 */
final class HostileShimTest extends NewestLineCases {
  /** What an emulated guest on a busy machine may add to any bound. */
  private static final long SLACK_MILLIS = 15_000;

  @BeforeAll
  static void importImages() {
    containerd().withImages();
  }

  @BeforeEach
  void onlyWithAVm() {
    assumeThat(VM).isTrue();
  }

  /** A container that stays, in a guest that plays roles once it makes the container. */
  private String hostile(String name, String roles) {
    List<String> options =
        List.of(
            "--runtime-config-path",
            HostileInitramfs.config(Places.fresh(name), "").toString(),
            "--env",
            "HOSTILE=" + roles);
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

  private static void kill(TtrpcClient client, String id) {
    ShimByHand.call(
        client, TaskService.KILL, KillRequest.builder().id(id).signal(9).all(true).build());
  }

  private static int delete(TtrpcClient client, String id) {
    int status = ShimByHand.await(client, id);
    ShimByHand.call(client, TaskService.DELETE, DeleteRequest.builder().id(id).build());
    return status;
  }

  /** Runs a test in a pod whose guest plays roles, and stops the pod. */
  private static void pod(String roles, Consumer<PodByHand> test) {
    String id = fresh("pod");
    Path config = HostileInitramfs.config(Places.fresh(id), roles);
    try (PodByHand pod = new PodByHand(containerd(), id, Optional.of(config))) {
      pod.create(Optional.empty());
      pod.start();
      test.accept(pod);
      long begin = System.nanoTime();
      pod.stop();
      assertThat(since(begin)).as("a stop").isLessThan(5_000 + SLACK_MILLIS);
    }
    assertThat(Places.CASEMATE_RUN.resolve("sandboxes").resolve(id)).doesNotExist();
  }

  private static void run(PodByHand pod, String id) {
    pod.run(id, PodByHand.mounts(), Places.fresh("out-" + id).resolve("log"), "sleep", "1000");
  }

  @Test
  void inAPodOneContainersEndIsWaitedForLonger() {
    String kept = fresh("kept");
    String other = fresh("other");
    pod(
        "WaitProcess~" + kept + " silent",
        pod -> {
          run(pod, other);
          run(pod, kept);
          long begin = System.nanoTime();
          kill(pod.client(), kept);
          assertThat(delete(pod.client(), kept)).isEqualTo(137);
          assertThat(since(begin)).isBetween(29_000L, 30_000 + SLACK_MILLIS);
          // It was in the same VM.
          assertThat(delete(pod.client(), other)).isEqualTo(137);
        });
  }

  @Test
  void aPodWhoseGuestIsSilentIsStoppedInTime() {
    String id = fresh("member");
    pod(
        "",
        pod -> {
          run(pod, id);
          try {
            exec(pod.client(), id);
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
