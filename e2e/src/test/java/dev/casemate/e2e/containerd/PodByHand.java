package dev.casemate.e2e.containerd;

import dev.casemate.base.Json;
import dev.casemate.e2e.engine.Call;
import dev.casemate.e2e.engine.Containerd;
import dev.casemate.e2e.engine.Places;
import dev.casemate.e2e.engine.ShimByHand;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.sandbox.CreateSandboxRequest;
import dev.casemate.protocol.sandbox.SandboxService;
import dev.casemate.protocol.sandbox.ShutdownSandboxRequest;
import dev.casemate.protocol.sandbox.StartSandboxRequest;
import dev.casemate.protocol.sandbox.StartSandboxResponse;
import dev.casemate.protocol.sandbox.StopSandboxRequest;
import dev.casemate.rpc.TtrpcClient;
import dev.casemate.testsupport.Shell;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A pod whose sandbox is the shim's: the calls of the sandbox service that containerd makes for
 * one, made by the test. It has an empty network namespace of its own.
 */
final class PodByHand implements AutoCloseable {
  private final ShimByHand shim;
  private final String id;
  private final Path bundle;
  private final String netns;
  private final TtrpcClient client;
  private boolean ended;

  /**
   * Starts the shim, and no VM.
   *
   * @param containerd that the shim tells of events
   * @param config a configuration file instead of containerd's
   */
  PodByHand(Containerd containerd, String id, Optional<Path> config) {
    this.id = id;
    this.netns = "cm" + id;
    this.bundle = Places.fresh("bundle-" + id);
    this.shim =
        new ShimByHand(
            "hand",
            Containerd.NAMESPACE,
            containerd.socket().toString(),
            "containerd",
            Map.of("MAX_SHIM_VERSION", "3", "TTRPC_ADDRESS", containerd.socket() + ".ttrpc"));
    // Before the shim, whose mount namespace may not see what is mounted later.
    Shell.run("ip netns add " + netns);
    try {
      byte[] options = config.map(file -> ShimByHand.options(file).encode()).orElse(new byte[0]);
      String started = shim.call(bundle, options, "-id", id, "start").expect(0).out();
      this.client = ShimByHand.connect(Json.parseObject(started).string("address"));
    } catch (RuntimeException | AssertionError e) {
      Shell.run("ip netns del " + netns);
      throw e;
    }
  }

  String id() {
    return id;
  }

  TtrpcClient client() {
    return client;
  }

  /** A call of the sandbox service; the bytes of its answer. */
  byte[] call(String method, ProtoMessage request) {
    return client.call(SandboxService.NAME, method, request.encode(), Call.TIMEOUT_SECONDS * 1000L);
  }

  /**
   * Creates the sandbox.
   *
   * @param config of the pod, as the kubelet gives it
   */
  void create(Optional<Any> config) {
    call(
        SandboxService.CREATE_SANDBOX,
        CreateSandboxRequest.builder()
            .sandboxId(id)
            .bundlePath(bundle.toString())
            .netnsPath("/run/netns/" + netns)
            .options(config)
            .build());
  }

  /** Starts the created sandbox. */
  StartSandboxResponse start() {
    return StartSandboxResponse.decode(
        call(SandboxService.START_SANDBOX, StartSandboxRequest.builder().sandboxId(id).build()));
  }

  /**
   * Makes a container and starts it; its output goes to a file.
   *
   * @param more fields of {@code config.json}, in place of the default ones
   */
  void run(String container, Json.Obj more, Path output, String... command) {
    ShimByHand.run(client, container, shim.bundle(container, more, command), output);
  }

  /** What {@code config.json} has of mounts: {@code /proc} and more. */
  static Json.Obj mounts(Json.Obj... more) {
    Json.Obj proc =
        new Json.Obj().put("type", "proc").put("source", "proc").put("destination", "/proc");
    List<Json.Obj> all = new ArrayList<>(List.of(proc));
    all.addAll(List.of(more));
    return new Json.Obj().putObjects("mounts", all);
  }

  /** Stops the sandbox and ends the shim. */
  void stop() {
    call(SandboxService.STOP_SANDBOX, StopSandboxRequest.builder().sandboxId(id).build());
    shutdown();
  }

  /** Ends the shim. */
  void shutdown() {
    call(SandboxService.SHUTDOWN_SANDBOX, ShutdownSandboxRequest.builder().sandboxId(id).build());
    ended = true;
  }

  /** Ends what a test that failed has not ended. */
  @Override
  public void close() {
    try {
      if (!ended) {
        stop();
      }
    } catch (RuntimeException e) {
      // The test's failure is the one to tell of.
    } finally {
      client.close();
      Shell.run("ip netns del " + netns);
    }
  }
}
