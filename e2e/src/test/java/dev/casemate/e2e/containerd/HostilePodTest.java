package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.casemate.base.Json;
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

/**
 * A pod whose guest's root plants links, FIFOs and devices of the host's names wherever it can
 * write, before the next container comes: nothing of the host's is touched, nothing hangs.
 */
final class HostilePodTest extends ContainerdCases {
  private static final String CONTENT = "of the host\n";
  private static final String NETNS = "cmhostile";
  private static final int MILLIS = 60_000;

  private static Containerd containerd;

  @BeforeAll
  static void start() {
    containerd = new Containerd(Containerd.Line.TWO);
    containerd.start();
  }

  @AfterAll
  static void stop() {
    containerd.close();
  }

  @Override
  public Containerd engine() {
    return containerd;
  }

  private static void call(TtrpcClient client, String method, ProtoMessage request) {
    client.call(SandboxService.NAME, method, request.encode(), MILLIS);
  }

  private static Json.Obj mount(Path source, String destination, String mode) {
    return new Json.Obj()
        .put("type", "bind")
        .put("source", source.toString())
        .put("destination", destination)
        .putStrings("options", List.of("rbind", mode));
  }

  private static Json.Obj mounts(Path directory) {
    Json.Obj proc =
        new Json.Obj().put("type", "proc").put("source", "proc").put("destination", "/proc");
    return new Json.Obj()
        .put(
            "mounts",
            new Json.Arr(
                List.of(
                    proc,
                    mount(directory.resolve("file"), "/file", "rw"),
                    mount(directory.resolve("shared"), "/shared", "rw"),
                    mount(directory.resolve("only"), "/only", "ro"))));
  }

  private static String read(Path log) {
    try {
      return Files.exists(log) ? Files.readString(log) : "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void plantedFilesMisleadNoLaterContainer() throws Exception {
    assumeThat(VM).isTrue();
    Path directory = Places.fresh("planted");
    Path victim = Files.writeString(directory.resolve("victim"), CONTENT);
    Files.writeString(directory.resolve("file"), CONTENT);
    Files.createDirectories(directory.resolve("shared"));
    Path only = Files.createDirectories(directory.resolve("only"));
    Files.writeString(only.resolve("kept"), CONTENT);
    Path initramfs =
        HostileInitramfs.write(
            directory.resolve("hostile.cpio"), "StartContainer plant " + victim + ", real");
    Path config =
        Files.writeString(
            directory.resolve("casemate.toml"), "[vm]\ninitramfs = \"" + initramfs + "\"\n");
    ShimByHand shim =
        new ShimByHand(
            "hostile",
            Containerd.NAMESPACE,
            containerd.socket().toString(),
            "containerd",
            Map.of("MAX_SHIM_VERSION", "3", "TTRPC_ADDRESS", containerd.socket() + ".ttrpc"));
    String pod = fresh("pod");
    Path empty = Places.fresh("bundle-" + pod);
    // Before the shim, whose mount namespace may not see what is mounted later.
    Shell.run("ip netns add " + NETNS);
    byte[] options = ShimByHand.options(config).encode();
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
      for (int i = 0; i < 3; i++) {
        String container = fresh("member");
        Path log = Places.fresh("out-" + container).resolve("log");
        Path bundle =
            shim.bundle(
                container,
                mounts(directory),
                "sh",
                "-c",
                "cat /file /only/kept; echo evil > /only/kept; echo evil > /shared/0;"
                    + " echo done; sleep 1000");
        ShimByHand.run(client, container, bundle, log);
        Wait.until(SECONDS, "what it says", () -> read(log).contains("done"));
        assertThat(read(log)).contains(CONTENT);
        assertThat(ShimByHand.remove(client, container)).isEqualTo(137);
        assertThat(victim).hasContent(CONTENT);
        assertThat(only.resolve("kept")).hasContent(CONTENT);
        assertThat(only.toFile().list()).containsExactly("kept");
      }
      call(
          client, SandboxService.STOP_SANDBOX, StopSandboxRequest.builder().sandboxId(pod).build());
      call(
          client,
          SandboxService.SHUTDOWN_SANDBOX,
          ShutdownSandboxRequest.builder().sandboxId(pod).build());
    } finally {
      Shell.run("ip netns del " + NETNS);
    }
    assertThat(victim).hasContent(CONTENT);
    assertThat(Files.isRegularFile(directory.resolve("file"))).isTrue();
  }
}
