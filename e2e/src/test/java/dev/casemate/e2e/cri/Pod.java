package dev.casemate.e2e.cri;

import dev.casemate.e2e.engine.Places;
import dev.casemate.e2e.engine.TestImage;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import kubernetes.cri.v1.Cri;

/** A pod as a kubelet makes it, and its containers. */
final class Pod implements AutoCloseable {
  private static final int SECONDS = dev.casemate.e2e.engine.Call.TIMEOUT_SECONDS;
  private static final AtomicInteger COUNT = new AtomicInteger();

  private final CriClient client;
  private final Cri.PodSandboxConfig config;
  private final String id;
  private boolean removed;

  /** How a command in a container ended. */
  record Exec(int exit, String out, String err) {}

  /**
   * Starts a pod's sandbox.
   *
   * @param handler of the runtime class; empty for the default
   * @param change makes of a plain pod the one that is wanted
   */
  Pod(CriClient client, String handler, Consumer<Cri.PodSandboxConfig.Builder> change) {
    this.client = client;
    String name = "pod" + COUNT.incrementAndGet();
    Path logs = Places.fresh("logs-" + name);
    Cri.PodSandboxConfig.Builder builder =
        Cri.PodSandboxConfig.newBuilder()
            .setMetadata(
                Cri.PodSandboxMetadata.newBuilder()
                    .setName(name)
                    .setUid("uid-" + name)
                    .setNamespace("default"))
            .setHostname(name)
            .setLogDirectory(logs.toString())
            .setDnsConfig(
                Cri.DNSConfig.newBuilder()
                    .addServers("10.89.77.1")
                    .addSearches("svc.cluster.local")
                    .addOptions("ndots:5"))
            .setLinux(
                Cri.LinuxPodSandboxConfig.newBuilder()
                    .setCgroupParent("/" + Places.MARK)
                    .setSecurityContext(
                        Cri.LinuxSandboxSecurityContext.newBuilder()
                            .setNamespaceOptions(
                                Cri.NamespaceOption.newBuilder()
                                    .setPid(Cri.NamespaceMode.CONTAINER))));
    change.accept(builder);
    this.config = builder.build();
    this.id =
        client
            .runtime()
            .runPodSandbox(
                Cri.RunPodSandboxRequest.newBuilder()
                    .setConfig(config)
                    .setRuntimeHandler(handler)
                    .build())
            .getPodSandboxId();
  }

  Pod(CriClient client) {
    this(client, "", pod -> {});
  }

  String id() {
    return id;
  }

  String name() {
    return config.getMetadata().getName();
  }

  Cri.PodSandboxStatus status() {
    return client
        .runtime()
        .podSandboxStatus(Cri.PodSandboxStatusRequest.newBuilder().setPodSandboxId(id).build())
        .getStatus();
  }

  String address() {
    return status().getNetwork().getIp();
  }

  /** Makes a container and starts it; returns its identifier. */
  String start(String name, Consumer<Cri.ContainerConfig.Builder> change, String... command) {
    String container = create(name, change, command);
    client
        .runtime()
        .startContainer(Cri.StartContainerRequest.newBuilder().setContainerId(container).build());
    return container;
  }

  String start(String name, String... command) {
    return start(name, container -> {}, command);
  }

  String create(String name, Consumer<Cri.ContainerConfig.Builder> change, String... command) {
    Cri.ContainerConfig.Builder builder =
        Cri.ContainerConfig.newBuilder()
            .setMetadata(Cri.ContainerMetadata.newBuilder().setName(name))
            .setImage(
                Cri.ImageSpec.newBuilder()
                    .setImage(TestImage.busybox().name())
                    .setUserSpecifiedImage(TestImage.busybox().name()))
            .addAllCommand(List.of(command))
            .setLogPath(name + ".log")
            .setLinux(
                Cri.LinuxContainerConfig.newBuilder()
                    .setSecurityContext(
                        Cri.LinuxContainerSecurityContext.newBuilder()
                            .setNamespaceOptions(
                                config.getLinux().getSecurityContext().getNamespaceOptions())));
    change.accept(builder);
    return client
        .runtime()
        .createContainer(
            Cri.CreateContainerRequest.newBuilder()
                .setPodSandboxId(id)
                .setConfig(builder)
                .setSandboxConfig(config)
                .build())
        .getContainerId();
  }

  Exec exec(String container, String... command) {
    Cri.ExecSyncResponse response =
        client
            .runtime()
            .execSync(
                Cri.ExecSyncRequest.newBuilder()
                    .setContainerId(container)
                    .addAllCmd(List.of(command))
                    .setTimeout(SECONDS)
                    .build());
    return new Exec(
        response.getExitCode(),
        response.getStdout().toString(StandardCharsets.UTF_8),
        response.getStderr().toString(StandardCharsets.UTF_8));
  }

  /** What a script writes, if it ends well. */
  String script(String container, String script) {
    Exec exec = exec(container, "sh", "-c", script);
    if (exec.exit() != 0) {
      throw new AssertionError(script + " ended with " + exec);
    }
    return exec.out();
  }

  /** The lines of a container's log, with what the runtime put before them. */
  String log(String name) {
    try {
      Path log = Path.of(config.getLogDirectory(), name + ".log");
      return Files.exists(log) ? Files.readString(log) : "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Cri.ContainerStatus status(String container) {
    return client
        .runtime()
        .containerStatus(Cri.ContainerStatusRequest.newBuilder().setContainerId(container).build())
        .getStatus();
  }

  void awaitExit(String container, int exit) {
    Wait.until(
        SECONDS,
        () -> container + " to end, it is " + status(container),
        () -> status(container).getState() == Cri.ContainerState.CONTAINER_EXITED);
    if (status(container).getExitCode() != exit) {
      throw new AssertionError("expected exit status " + exit + ": " + status(container));
    }
  }

  void stop(String container, int seconds) {
    client
        .runtime()
        .stopContainer(
            Cri.StopContainerRequest.newBuilder()
                .setContainerId(container)
                .setTimeout(seconds)
                .build());
  }

  void remove(String container) {
    client
        .runtime()
        .removeContainer(Cri.RemoveContainerRequest.newBuilder().setContainerId(container).build());
  }

  void stop() {
    client
        .runtime()
        .stopPodSandbox(Cri.StopPodSandboxRequest.newBuilder().setPodSandboxId(id).build());
  }

  void remove() {
    client
        .runtime()
        .removePodSandbox(Cri.RemovePodSandboxRequest.newBuilder().setPodSandboxId(id).build());
    removed = true;
  }

  /** Stops and removes the pod, unless the test has. */
  @Override
  public void close() {
    if (!removed) {
      stop();
      remove();
    }
  }
}
