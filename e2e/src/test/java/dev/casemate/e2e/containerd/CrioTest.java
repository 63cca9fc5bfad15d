package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.e2e.engine.Places;
import dev.casemate.e2e.engine.ShimByHand;
import dev.casemate.protocol.task.StateRequest;
import dev.casemate.protocol.task.StateResponse;
import dev.casemate.protocol.task.TaskService;
import dev.casemate.rpc.TtrpcClient;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Pods as CRI-O makes them with {@code runtime_type = "vm"}: no socket of containerd's, a start
 * command for each container, its own annotations. The containerd here only keeps watch.
 */
final class CrioTest extends NewestLineCases {
  private static final byte[] NOTHING = new byte[0];

  private static ShimByHand shim;

  @BeforeAll
  static void makeShim() {
    // Its publish command, too, does nothing.
    shim =
        new ShimByHand(
            "crio",
            "default",
            "",
            "/bin/true",
            Map.of("MAX_SHIM_VERSION", "2", "NAMESPACE", "default"));
  }

  static Json.Obj more(String type, String pod, int infraPid) {
    List<Json.Obj> namespaces = new ArrayList<>();
    for (String kind : List.of("ipc", "uts", "network")) {
      Json.Obj namespace = new Json.Obj().put("type", kind);
      if (infraPid > 0 && !kind.equals("network")) {
        namespace.put("path", "/proc/" + infraPid + "/ns/" + kind);
      }
      namespaces.add(namespace);
    }
    for (String kind : List.of("pid", "mount")) {
      namespaces.add(new Json.Obj().put("type", kind));
    }
    return new Json.Obj()
        .put("hostname", "crio-pod")
        .putMap(
            "annotations",
            Map.of(
                "io.kubernetes.cri-o.ContainerType", type,
                "io.kubernetes.cri-o.SandboxID", pod,
                "io.kubernetes.cri-o.SandboxName", "k8s_pod_default_uid_0",
                "io.kubernetes.cri-o.RuntimeHandler", "casemate",
                "io.container.manager", "cri-o"))
        .put("linux", new Json.Obj().putObjects("namespaces", namespaces));
  }

  private static String address(Result started) {
    return started.expect(0).out().strip();
  }

  @Test
  void aPodAndItsContainer() {
    String pod = fresh("criopod");
    String container = fresh("criocontainer");
    String look = "hostname; readlink /proc/self/ns/ipc; readlink /proc/self/ns/uts; ";
    Path sandbox =
        shim.bundle(
            pod,
            more("sandbox", pod, 0),
            "sh",
            "-c",
            "mkdir /www; echo of-the-pod > /www/index.html; httpd -p 80 -h /www; "
                + look
                + "exec sleep 1000");
    Path podLog = Places.fresh("out-" + pod).resolve("log");
    String address = address(shim.call(sandbox, NOTHING, "-id", pod, "start"));
    assertThat(address).startsWith("unix:///run/containerd/s/");
    try (TtrpcClient client = ShimByHand.connect(address)) {
      ShimByHand.run(client, pod, sandbox, podLog);
      StateRequest request = StateRequest.builder().id(pod).build();
      StateResponse state =
          StateResponse.decode(ShimByHand.call(client, TaskService.STATE, request));
      assertThat(state.pid()).isPositive();
      List<String> podSees = lines(podLog, 3);

      Path bundle =
          shim.bundle(
              container,
              more("container", pod, state.pid()),
              "sh",
              "-c",
              look + "wget -qO- http://127.0.0.1/; cat /proc/1/comm; exec sleep 1000");
      assertThat(address(shim.call(bundle, NOTHING, "-id", container, "start"))).isEqualTo(address);
      Path log = Places.fresh("out-" + container).resolve("log");
      ShimByHand.run(client, container, bundle, log);
      List<String> sees = lines(log, 5);
      assertThat(sees.get(0)).isEqualTo("crio-pod");
      assertThat(sees.subList(0, 3)).isEqualTo(podSees);
      assertThat(sees.get(3)).isEqualTo("of-the-pod");
      assertThat(sees.get(4)).isEqualTo("sh");
      assertThat(containerd().pidsOf("qemu-system")).hasSize(1);

      assertThat(ShimByHand.remove(client, container)).isEqualTo(137);
      ShimByHand.shutdown(client, container);
      // The pod does not go with one of its containers.
      assertThat(StateResponse.decode(ShimByHand.call(client, TaskService.STATE, request)).pid())
          .isEqualTo(state.pid());
      assertThat(ShimByHand.remove(client, pod)).isEqualTo(137);
      ShimByHand.shutdown(client, pod);
    }
  }

  /**
   * With {@code runtime_config_path}, of which CRI-O speaks when it creates the pod's container.
   */
  @Test
  void theConfigurationComesWithTheContainer() {
    String pod = fresh("crioconfig");
    Path bundle = shim.bundle(pod, more("sandbox", pod, 0), "sh", "-c", "free -m; exec sleep 1000");
    Path log = Places.fresh("out-" + pod).resolve("log");
    String address = address(shim.call(bundle, NOTHING, "-id", pod, "start"));
    try (TtrpcClient client = ShimByHand.connect(address)) {
      ShimByHand.run(client, pod, bundle, log, Optional.of(containerd().configPath()));
      // It asks for 640 MiB, the default is 512.
      int total = Integer.parseInt(lines(log, 2).get(1).split(" +")[1]);
      assertThat(total).isBetween(513, 640);
      assertThat(containerd().pidsOf("qemu-system")).hasSize(1);
      assertThat(ShimByHand.remove(client, pod)).isEqualTo(137);
      ShimByHand.shutdown(client, pod);
    }
  }

  private static List<String> lines(Path log, int count) {
    Wait.until(
        SECONDS,
        () -> count + " lines in " + log + ": " + lines(log),
        () -> lines(log).size() >= count);
    return lines(log).subList(0, count);
  }

  static List<String> lines(Path log) {
    try {
      return Files.exists(log) ? Files.readAllLines(log) : List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void aContainerWhosePodIsGone() {
    String container = fresh("orphan");
    Path bundle = shim.bundle(container, more("container", "no-such-pod", 0), "true");
    Result result = shim.call(bundle, NOTHING, "-id", container, "start").expect(1);
    assertThat(result.err()).contains("belongs to sandbox no-such-pod");
    assertThat(bundle.resolve("address")).doesNotExist();
  }
}
