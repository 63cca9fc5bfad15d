package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.Json;
import dev.casemate.e2e.engine.Containerd;
import dev.casemate.e2e.engine.Places;
import dev.casemate.e2e.engine.ShimByHand;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.task.CreateTaskRequest;
import dev.casemate.protocol.task.DeleteRequest;
import dev.casemate.protocol.task.ExecProcessRequest;
import dev.casemate.protocol.task.StartRequest;
import dev.casemate.protocol.task.StateRequest;
import dev.casemate.protocol.task.StateResponse;
import dev.casemate.protocol.task.StatsRequest;
import dev.casemate.protocol.task.StatsResponse;
import dev.casemate.protocol.task.TaskService;
import dev.casemate.protocol.task.WaitRequest;
import dev.casemate.protocol.task.WaitResponse;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.TtrpcClient;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What CRI-O does with the later containers of a pod: their roots are mounted in its own mount
 * namespace, it says in requests only whether there is a terminal, and it takes no events.
 */
final class CrioPodTest extends ContainerdCases {
  private static final byte[] NOTHING = new byte[0];

  private static Containerd containerd;
  private static ShimByHand shim;
  private static Running crio;
  private static String pod;
  private static TtrpcClient client;

  @BeforeAll
  static void start() {
    containerd = new Containerd(Containerd.Line.TWO);
    containerd.start();
    shim =
        new ShimByHand(
            "criopod",
            "default",
            "",
            "/bin/true",
            Map.of("MAX_SHIM_VERSION", "2", "NAMESPACE", "default", "PLACES", Places.MARK));
    crio = Shell.start(List.of("unshare", "-m", "--propagation", "private", "sleep", "1000"));
    Wait.until(SECONDS, () -> "a mount namespace of its own", CrioPodTest::isApart);
    pod = fresh("criopod");
    Path sandbox = shim.bundle(pod, CrioTest.more("sandbox", pod, 0), "sleep", "1000");
    String address = shim.callIn(crio.pid(), sandbox, NOTHING, "-id", pod, "start").expect(0).out();
    client = ShimByHand.connect(address.strip());
    ShimByHand.run(client, pod, sandbox, Places.fresh("out-" + pod).resolve("log"));
  }

  private static boolean isApart() {
    try {
      return !Files.readSymbolicLink(Path.of("/proc/" + crio.pid() + "/ns/mnt"))
          .equals(Files.readSymbolicLink(Path.of("/proc/self/ns/mnt")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @AfterAll
  static void stop() {
    ShimByHand.remove(client, pod);
    ShimByHand.shutdown(client, pod);
    client.close();
    crio.close();
    containerd.close();
  }

  @Override
  public Containerd engine() {
    return containerd;
  }

  /** A later container's bundle, whose root only the engine sees. */
  private static Path bundle(String id, Json.Obj more, String... command) {
    Path merged = Places.fresh("merged-" + id);
    StateResponse state =
        StateResponse.decode(
            ShimByHand.call(client, TaskService.STATE, StateRequest.builder().id(pod).build()));
    Json.Obj all = CrioTest.more("container", pod, state.pid());
    more.fields().forEach(all::put);
    all.put("root", new Json.Obj().put("path", merged.toString()));
    Path bundle = shim.bundle(id, all, command);
    in("mount --bind " + bundle + "/rootfs " + merged);
    assertThat(merged).isEmptyDirectory();
    return bundle;
  }

  /** Runs a script where the engine is. */
  private static void in(String script) {
    Shell.run("nsenter -m -t " + crio.pid() + " sh -ec '" + script + "'");
  }

  private static void announce(String id, Path bundle) {
    shim.callIn(crio.pid(), bundle, NOTHING, "-id", id, "start").expect(0);
  }

  private static void run(String id, Path bundle, Path log) {
    announce(id, bundle);
    ShimByHand.run(client, id, bundle, log);
  }

  private static void remove(String id) {
    assertThat(ShimByHand.remove(client, id)).isEqualTo(137);
    in("umount " + Places.DISK.resolve("merged-" + id));
  }

  private static void await(Path log, String text) {
    Wait.until(
        SECONDS,
        () -> text + " in " + CrioTest.lines(log),
        () -> String.join("\n", CrioTest.lines(log)).contains(text));
  }

  @Test
  void aLaterContainersRootIsOpenedWhereCrioHasMountedIt() {
    String id = fresh("later");
    Path bundle = bundle(id, new Json.Obj(), "sh", "-c", "echo up; exec sleep 1000");
    Path log = Places.fresh("out-" + id).resolve("log");
    run(id, bundle, log);
    await(log, "up");
    assertThat(Places.DISK.resolve("merged-" + id)).isEmptyDirectory();
    assertThat(bundle.resolve("rootfs/proc")).exists();
    remove(id);
  }

  @Test
  void aRootThatIsNotMountedIsRefusedAndStaysEmpty() {
    String id = fresh("unmounted");
    Path bundle = bundle(id, new Json.Obj(), "true");
    Path merged = Places.DISK.resolve("merged-" + id);
    in("umount " + merged);
    announce(id, bundle);
    CreateTaskRequest request =
        CreateTaskRequest.builder().id(id).bundle(bundle.toString()).build();
    assertThatThrownBy(() -> ShimByHand.call(client, TaskService.CREATE, request))
        .isInstanceOf(RpcException.class)
        .hasMessageContaining(merged + " is empty");
    assertThat(merged).isEmptyDirectory();
  }

  private static int exec(String id, String execId, boolean terminal, Path out, String script) {
    // The specification of the container's own process, without a terminal, with another command.
    Json.Obj process =
        new Json.Obj()
            .put("terminal", false)
            .put("user", new Json.Obj().put("uid", 0).put("gid", 0))
            .putStrings("args", List.of("sh", "-c", script))
            .putStrings("env", List.of("PATH=/bin"))
            .put("cwd", "/");
    ExecProcessRequest.Builder request =
        ExecProcessRequest.builder()
            .id(id)
            .execId(execId)
            .terminal(terminal)
            .stdout("file://" + out)
            .spec(
                Any.builder()
                    .typeUrl("types.containerd.io/opencontainers/runtime-spec/1/Process")
                    .value(process.text().getBytes(StandardCharsets.UTF_8))
                    .build());
    if (!terminal) {
      request.stderr("file://" + out + ".err");
    }
    ShimByHand.call(client, TaskService.EXEC, request.build());
    ShimByHand.call(
        client, TaskService.START, StartRequest.builder().id(id).execId(execId).build());
    WaitRequest wait = WaitRequest.builder().id(id).execId(execId).build();
    int status = WaitResponse.decode(ShimByHand.call(client, TaskService.WAIT, wait)).exitStatus();
    ShimByHand.call(
        client, TaskService.DELETE, DeleteRequest.builder().id(id).execId(execId).build());
    return status;
  }

  @Test
  void anExecHasATerminalIfTheRequestSaysSo() {
    String id = fresh("exec");
    run(id, bundle(id, new Json.Obj(), "sleep", "1000"), Places.fresh("out-" + id).resolve("log"));
    Path out = Places.DISK.resolve("out-" + id);
    assertThat(exec(id, "t", true, out.resolve("t"), "tty; echo error >&2; exit 3")).isEqualTo(3);
    assertThat(String.join("|", CrioTest.lines(out.resolve("t"))))
        .contains("/dev/pts/")
        .contains("error");
    assertThat(exec(id, "p", false, out.resolve("p"), "tty; echo error >&2; exit 4")).isEqualTo(4);
    assertThat(CrioTest.lines(out.resolve("p"))).containsExactly("not a tty");
    assertThat(CrioTest.lines(out.resolve("p.err"))).containsExactly("error");
    remove(id);
  }

  @Test
  void figuresHaveAllThatCrioFollows() {
    String id = fresh("stats");
    run(id, bundle(id, new Json.Obj(), "sleep", "1000"), Places.fresh("out-" + id).resolve("log"));
    StatsRequest request = StatsRequest.builder().id(id).build();
    Any stats =
        StatsResponse.decode(ShimByHand.call(client, TaskService.STATS, request))
            .stats()
            .orElseThrow();
    if (stats.typeUrl().endsWith("v1.Metrics")) {
      var metrics = dev.casemate.protocol.cgroups1.Metrics.decode(stats.value());
      var memory = metrics.memory().orElseThrow();
      assertThat(memory.usage().orElseThrow().usage()).isPositive();
      assertThat(memory.swap().orElseThrow().limit()).isPositive();
      assertThat(memory.kernel().orElseThrow().limit()).isPositive();
      assertThat(memory.kernelTcp().orElseThrow().limit()).isPositive();
      assertThat(metrics.cpu().orElseThrow().usage().orElseThrow().perCpu()).isNotEmpty();
      assertThat(metrics.cpu().orElseThrow().throttling()).isPresent();
      assertThat(metrics.pids().orElseThrow().current()).isPositive();
    } else {
      var metrics = dev.casemate.protocol.cgroups2.Metrics.decode(stats.value());
      assertThat(metrics.memory().orElseThrow().usage()).isPositive();
      assertThat(metrics.cpu()).isPresent();
      assertThat(metrics.pids().orElseThrow().current()).isPositive();
      assertThat(metrics.memoryEvents()).isPresent();
    }
    remove(id);
  }

  @Test
  void lackOfMemoryIsInTheBundleBeforeTheEndIsTold() {
    String id = fresh("oom");
    Json.Obj linux = CrioTest.more("container", pod, 0).object("linux").orElseThrow();
    linux.put("resources", Json.parseObject("{\"memory\":{\"limit\":16777216,\"swap\":16777216}}"));
    Path bundle =
        bundle(
            id,
            new Json.Obj().put("linux", linux),
            "sh",
            "-c",
            "exec dd if=/dev/zero of=/dev/null bs=100M count=1");
    run(id, bundle, Places.fresh("out-" + id).resolve("log"));
    assertThat(ShimByHand.await(client, id)).isEqualTo(137);
    assertThat(bundle.resolve("oom")).exists();
    ShimByHand.call(client, TaskService.DELETE, DeleteRequest.builder().id(id).build());
    in("umount " + Places.DISK.resolve("merged-" + id));
  }

  @Test
  void aVolumeThatIsAnOverlayOfTheHostsDirectories() throws Exception {
    String id = fresh("image");
    Path image = Places.fresh("image-" + id);
    Path layer = Places.fresh("layer-" + id);
    Files.writeString(layer.resolve("lower"), "of the layer\n");
    in("mount -t tmpfs tmpfs " + image + "; echo of the image > " + image + "/upper");
    List<Json.Obj> mounts = new ArrayList<>();
    mounts.add(mount("/proc", "proc", "proc"));
    mounts.add(mount("/dev", "tmpfs", "tmpfs", "mode=755"));
    mounts.add(mount("/image", "overlay", "overlay", "lowerdir=" + image + ":" + layer, "private"));
    Path bundle =
        bundle(
            id,
            new Json.Obj().putObjects("mounts", mounts),
            "sh",
            "-c",
            "cat /image/upper /image/lower; touch /image/new; echo $?; exec sleep 1000");
    Path log = Places.fresh("out-" + id).resolve("log");
    run(id, bundle, log);
    await(log, "of the image");
    await(log, "of the layer");
    await(log, "Read-only");
    remove(id);
    in("umount " + image);
  }

  private static Json.Obj mount(String destination, String type, String source, String... options) {
    return new Json.Obj()
        .put("destination", destination)
        .put("type", type)
        .put("source", source)
        .putStrings("options", List.of(options));
  }
}
