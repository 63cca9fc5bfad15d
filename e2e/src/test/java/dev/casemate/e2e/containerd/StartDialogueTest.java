package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.e2e.engine.Containerd;
import dev.casemate.e2e.engine.Places;
import dev.casemate.e2e.engine.ShimByHand;
import dev.casemate.protocol.bootstrap.BootstrapParams;
import dev.casemate.protocol.bootstrap.BootstrapResult;
import dev.casemate.protocol.bootstrap.Extension;
import dev.casemate.protocol.containerd.RuntimeInfo;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.task.ConnectRequest;
import dev.casemate.protocol.task.ConnectResponse;
import dev.casemate.protocol.task.DeleteRequest;
import dev.casemate.protocol.task.DeleteResponse;
import dev.casemate.protocol.task.TaskService;
import dev.casemate.rpc.TtrpcClient;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The shim's commands, called by hand as containerd 2.3 calls them, which no Debian has yet; an
 * older one takes the events.
 */
final class StartDialogueTest extends NewestLineCases {
  private static final int LOST = 137;
  private static final Path SOCKETS = Places.RUN.resolve("s");
  private static final Json.Obj PLAIN = new Json.Obj();
  private static final byte[] NOTHING = new byte[0];

  private static ShimByHand shim;

  @BeforeAll
  static void makeShim() {
    shim =
        new ShimByHand(
            "hand", Containerd.NAMESPACE, containerd().socket().toString(), "containerd", Map.of());
  }

  /** What containerd 2.3 writes to the start command. */
  private static byte[] parameters(String id) {
    return parameters(id, containerd().configPath());
  }

  private static byte[] parameters(String id, Path config) {
    return BootstrapParams.builder()
        .instanceId(id)
        .namespace(Containerd.NAMESPACE)
        .containerdVersion("v2.3.0")
        .containerdTtrpcAddress(containerd().socket() + ".ttrpc")
        .containerdGrpcAddress(containerd().socket().toString())
        .containerdBinary("/usr/bin/containerd")
        .socketDir(SOCKETS.toString())
        .extensions(List.of(Extension.builder().value(ShimByHand.options(config)).build()))
        .build()
        .encode();
  }

  private static String addressOf(Result started) throws Exception {
    BootstrapResult result = BootstrapResult.decode(started.expect(0).stdout());
    assertThat(started.err()).isEmpty();
    assertThat(result.version()).isEqualTo(3);
    assertThat(result.protocol()).isEqualTo("ttrpc");
    assertThat(result.address()).startsWith("unix://" + SOCKETS + "/");
    return result.address();
  }

  private static void awaitEnd(int pid, String address) {
    Wait.until(30, () -> "the end of shim " + pid, () -> !Files.exists(Path.of("/proc/" + pid)));
    assertThat(Path.of(address.replaceFirst("^unix://", ""))).doesNotExist();
  }

  @Test
  void parametersOnStandardInputAreAnsweredInKind() throws Exception {
    String id = fresh("boot");
    Path bundle =
        shim.bundle(id, PLAIN, "sh", "-c", "awk '/MemTotal/ { print $2 }' /proc/meminfo; exit 5");
    Path output = Places.fresh("out-" + id).resolve("log");
    try (Running events = ctr("events").start()) {
      String address = addressOf(shim.call(bundle, parameters(id), "-id", id, "start"));
      assertThat(Files.readString(bundle.resolve("address"))).isEqualTo(address);
      // Whoever asks again is sent to the same.
      assertThat(addressOf(shim.call(bundle, parameters(id), "-id", id, "start")))
          .isEqualTo(address);
      int pid;
      try (TtrpcClient client = ShimByHand.connect(address)) {
        pid = ShimByHand.shimPid(client, id);
        assertThat(Path.of("/proc/" + pid)).exists();
        ShimByHand.run(client, id, bundle, output);
        assertThat(ShimByHand.await(client, id)).isEqualTo(5);
        ConnectResponse of =
            ConnectResponse.decode(
                client.call(
                    dev.casemate.protocol.taskv3.TaskService.NAME,
                    "Connect",
                    ConnectRequest.builder().id(id).build().encode(),
                    9_000));
        assertThat(of.shimPid()).isEqualTo(pid);
        assertThat(of.taskPid()).isPositive();
        ShimByHand.call(client, TaskService.DELETE, DeleteRequest.builder().id(id).build());
        ShimByHand.shutdown(client, id);
      }
      awaitEnd(pid, address);
      // The options in the extension said 640 MiB.
      assertThat(Long.parseLong(Files.readString(output).strip()) / 1024).isBetween(530L, 640L);
      events.awaitOutput("/tasks/delete", SECONDS);
      assertThat(events.soFar().out()).contains("/tasks/create").contains("/tasks/exit");
    }
  }

  @Test
  void aControlGroupOfItsOwn() throws Exception {
    String group = Places.MARK + "-own";
    Path config = Places.fresh("cgroup").resolve("casemate.toml");
    Files.writeString(config, "[shim]\ncgroup = \"/" + group + "\"\n");
    String id = fresh("grouped");
    Path bundle = shim.bundle(id, PLAIN, "sleep", "1000");
    Path output = Places.fresh("out-" + id).resolve("log");
    try {
      String address = addressOf(shim.call(bundle, parameters(id, config), "-id", id, "start"));
      try (TtrpcClient client = ShimByHand.connect(address)) {
        int pid = ShimByHand.shimPid(client, id);
        ShimByHand.run(client, id, bundle, output);
        List<Integer> pids = new ArrayList<>(List.of(pid));
        pids.addAll(containerd().pidsOf("qemu-system"));
        pids.addAll(containerd().pidsOf("virtiofsd"));
        assertThat(pids).hasSizeGreaterThan(2);
        for (int each : pids) {
          assertThat(Files.readString(Path.of("/proc/" + each + "/cgroup")))
              .contains(":/" + group + "\n");
        }
        assertThat(ShimByHand.remove(client, id)).isEqualTo(LOST);
        ShimByHand.shutdown(client, id);
        awaitEnd(pid, address);
      }
    } finally {
      Shell.run("find /sys/fs/cgroup -depth -type d -name " + group + " -exec rmdir {} +");
    }
  }

  @Test
  void anotherUserReachesNoShim() throws Exception {
    String id = fresh("private");
    Path bundle = shim.bundle(id, PLAIN, "sleep", "1000");
    String address = addressOf(shim.call(bundle, parameters(id), "-id", id, "start"));
    int pid;
    try (TtrpcClient client = ShimByHand.connect(address)) {
      pid = ShimByHand.shimPid(client, id);
    }
    String socket = address.substring("unix://".length());
    assertThat(Shell.run("stat -c '%F %a %u' " + socket).out()).isEqualTo("socket 600 0\n");
    String somebody = "setpriv --reuid 65534 --regid 65534 --clear-groups ";
    Shell.run("test -w " + socket + " && " + somebody + "true");
    Shell.result(somebody + "test -w " + socket).expect(1);
    shim.call(bundle, NOTHING, "-id", id, "-bundle", bundle.toString(), "delete").expect(0);
    awaitEnd(pid, address);
  }

  @Test
  void deleteEndsAShimThatLives() throws Exception {
    String id = fresh("living");
    Path bundle = shim.bundle(id, PLAIN, "sleep", "1000");
    String address = addressOf(shim.call(bundle, parameters(id), "-id", id, "start"));
    int pid;
    try (TtrpcClient client = ShimByHand.connect(address)) {
      pid = ShimByHand.shimPid(client, id);
    }
    Result deleted =
        shim.call(bundle, NOTHING, "-id", id, "-bundle", bundle.toString(), "delete").expect(0);
    assertThat(DeleteResponse.decode(deleted.stdout()).exitStatus()).isEqualTo(LOST);
    awaitEnd(pid, address);
  }

  @Test
  void deleteOfWhatIsNotThere() throws Exception {
    String id = fresh("unknown");
    Path bundle = Places.fresh("bundle-" + id);
    Result deleted =
        shim.call(bundle, NOTHING, "-id", id, "-bundle", bundle.toString(), "delete").expect(0);
    DeleteResponse response = DeleteResponse.decode(deleted.stdout());
    assertThat(response.exitStatus()).isEqualTo(LOST);
    assertThat(response.exitedAt()).isPresent();
    assertThat(deleted.err()).isEmpty();
    assertEmpty(bundle);
  }

  @Test
  void infoTellsWhatItIs() throws Exception {
    Path anywhere = Places.fresh("anywhere");
    RuntimeInfo info = RuntimeInfo.decode(shim.call(anywhere, NOTHING, "-info").expect(0).stdout());
    assertThat(info.name()).isEqualTo("io.containerd.casemate.v2");
    assertThat(info.version().orElseThrow().version()).isNotEmpty();
    Any features = info.features().orElseThrow();
    assertThat(features.typeUrl()).endsWith("features/Features");
    Json.Obj json = Json.parseObject(new String(features.value(), StandardCharsets.UTF_8));
    assertThat(json.string("ociVersionMin")).isNotEmpty();
    assertThat(json.strings("mountOptions")).contains("rbind");
    // Without both a kubelet refuses pods with hostUsers: false.
    Json.Obj linux = json.object("linux").orElseThrow();
    assertThat(linux.strings("namespaces")).contains("user");
    assertThat(linux.text()).contains("\"idmap\":{\"enabled\":true}");
    // TaskHooksTest has each of them called.
    assertThat(json.strings("hooks")).hasSize(6);
    assertEmpty(anywhere);
  }

  @Test
  void rubbishOnStandardInputIsRefused() throws Exception {
    String id = fresh("rubbish");
    Path bundle = shim.bundle(id, PLAIN, "true");
    byte[] bytes = new byte[5000];
    new java.util.Random(4).nextBytes(bytes);
    refused(bundle, bytes, id, "5000 bytes on standard input are neither");
    refused(bundle, "{\"version\": 3}".getBytes(StandardCharsets.UTF_8), id, "are neither");
    refused(bundle, parameters("another"), id, "names container \"another\"");
    Files.writeString(bundle.resolve("config.json"), "{\"process\": ");
    refused(bundle, parameters(id), id, "config.json");
  }

  private static void refused(Path bundle, byte[] input, String id, String why) {
    Result result = shim.call(bundle, input, "-id", id, "start").expect(1);
    assertThat(result.err()).contains(why);
    assertThat(result.err().lines()).hasSize(1);
    assertThat(result.stdout()).isEmpty();
    assertThat(bundle.resolve("address")).doesNotExist();
  }

  private static void assertEmpty(Path directory) throws IOException {
    try (var files = Files.list(directory)) {
      assertThat(files).isEmpty();
    }
  }
}
