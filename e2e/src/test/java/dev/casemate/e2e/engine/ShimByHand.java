package dev.casemate.e2e.engine;

import dev.casemate.base.Json;
import dev.casemate.linux.UnixSocket;
import dev.casemate.oci.DefaultSpec;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.runtimeoptions.Options;
import dev.casemate.protocol.task.ConnectRequest;
import dev.casemate.protocol.task.ConnectResponse;
import dev.casemate.protocol.task.CreateTaskRequest;
import dev.casemate.protocol.task.DeleteRequest;
import dev.casemate.protocol.task.KillRequest;
import dev.casemate.protocol.task.ShutdownRequest;
import dev.casemate.protocol.task.StartRequest;
import dev.casemate.protocol.task.TaskService;
import dev.casemate.protocol.task.WaitRequest;
import dev.casemate.protocol.task.WaitResponse;
import dev.casemate.rpc.TtrpcClient;
import dev.casemate.sandbox.FdChannel;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The shim's executable, driven as an engine drives it. */
public final class ShimByHand {
  private static final String PROGRAM = "containerd-shim-casemate-v2";
  private static final long MILLIS = Call.TIMEOUT_SECONDS * 1000L;

  private final String namespace;
  private final String engineAddress;
  private final Map<String, String> environment;
  private final String publisher;
  private final Programs programs;

  /**
   * @param name of a directory for links to programs
   * @param engineAddress of the engine's socket; CRI-O gives none
   * @param publisher what publishes events where the environment names no socket for them
   * @param environment what the engine adds to the shim's
   */
  public ShimByHand(
      String name,
      String namespace,
      String engineAddress,
      String publisher,
      Map<String, String> environment) {
    this.namespace = namespace;
    this.engineAddress = engineAddress;
    this.publisher = publisher;
    this.programs = new Programs(Places.RUN.resolve(name), true, List.of("containerd"));
    this.environment = new TreeMap<>(environment);
    this.environment.put("PATH", programs.path());
    this.environment.put("PLACES_MARK", Places.MARK);
    this.environment.put("CASEMATE_RUN", Places.CASEMATE_RUN.toString());
    this.environment.put("CASEMATE_STATE", Places.CASEMATE_STATE.toString());
    this.environment.put("CASEMATE_TEMPLATE", "existing");
  }

  /** A bundle with busybox, as an engine leaves it behind when it calls the shim. */
  public Path bundle(String id, Json.Obj more, String... command) {
    Path bundle = Places.fresh("bundle-" + id);
    Shell.run(
        "mkdir -p '"
            + bundle
            + "/rootfs/bin' && cd '"
            + bundle
            + "/rootfs' && mkdir proc sys dev tmp etc && cp /bin/busybox bin &&"
            + " for a in $(bin/busybox --list); do [ -e bin/$a ] || ln -s busybox bin/$a; done");
    dev.casemate.oci.ProcessSpec process =
        dev.casemate.oci.ProcessSpec.of(List.of(command), List.of("PATH=/bin"), "/");
    Json.Obj config =
        DefaultSpec.container(bundle.resolve("rootfs").toString(), id, process).toJson();
    more.fields().forEach(config::put);
    try {
      Files.writeString(bundle.resolve("config.json"), config.text());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bundle;
  }

  /** Calls the executable in a bundle's directory. */
  public Result call(Path bundle, byte[] input, String... words) {
    return call(List.of(), bundle, input, words);
  }

  /** As {@link #call}, in the mount namespace of a process. */
  public Result callIn(long pid, Path bundle, byte[] input, String... words) {
    return call(List.of("nsenter", "-m", "-t", Long.toString(pid)), bundle, input, words);
  }

  private Result call(List<String> before, Path bundle, byte[] input, String... words) {
    List<String> all = new ArrayList<>(before);
    all.addAll(
        List.of(
            "sh",
            "-c",
            "cd \"$0\" && exec \"$@\"",
            bundle.toString(),
            programs.program(PROGRAM),
            "-namespace",
            namespace,
            "-address",
            engineAddress,
            "-publish-binary",
            publisher));
    all.addAll(List.of(words));
    Call call = new Call(all).input(input).timeout(60);
    environment.forEach(call::environment);
    return call.run();
  }

  public static TtrpcClient connect(String address) {
    String path = address.replaceFirst("^unix://", "");
    return new TtrpcClient(new FdChannel(UnixSocket.connect(path)), "the shim");
  }

  public static byte[] call(TtrpcClient shim, String method, ProtoMessage request) {
    return shim.call(TaskService.NAME, method, request.encode(), MILLIS);
  }

  /** The process of the shim that a container has. */
  public static int shimPid(TtrpcClient shim, String id) {
    ConnectRequest who = ConnectRequest.builder().id(id).build();
    return ConnectResponse.decode(call(shim, TaskService.CONNECT, who)).shimPid();
  }

  /** Makes a container of a bundle and starts it; its output goes to a file. */
  public static void run(TtrpcClient shim, String id, Path bundle, Path output) {
    run(shim, id, bundle, output, Optional.empty());
  }

  /** As {@link #run}, with a configuration file that is told with the container only. */
  public static void run(
      TtrpcClient shim, String id, Path bundle, Path output, Optional<Path> configPath) {
    CreateTaskRequest request =
        CreateTaskRequest.builder()
            .id(id)
            .bundle(bundle.toString())
            .stdout("file://" + output)
            .stderr("file://" + output)
            .options(configPath.map(ShimByHand::options))
            .build();
    call(shim, TaskService.CREATE, request);
    call(shim, TaskService.START, StartRequest.builder().id(id).build());
  }

  /** Options that name a configuration file. */
  public static Any options(Path configPath) {
    return Any.builder()
        .typeUrl("runtimeoptions.v1.Options")
        .value(Options.builder().configPath(configPath.toString()).build().encode())
        .build();
  }

  /** Waits for a container's end; its exit status. */
  public static int await(TtrpcClient shim, String id) {
    return WaitResponse.decode(call(shim, TaskService.WAIT, WaitRequest.builder().id(id).build()))
        .exitStatus();
  }

  /** Kills a container and deletes it; its exit status. */
  public static int remove(TtrpcClient shim, String id) {
    call(shim, TaskService.KILL, KillRequest.builder().id(id).signal(9).all(true).build());
    int status = await(shim, id);
    call(shim, TaskService.DELETE, DeleteRequest.builder().id(id).build());
    return status;
  }

  public static void shutdown(TtrpcClient shim, String id) {
    call(shim, TaskService.SHUTDOWN, ShutdownRequest.builder().id(id).build());
  }
}
