package dev.casemate.e2e.engine;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A private dockerd of a newer suite, which starts a containerd of its own, and docker. */
public final class Docker extends Daemon {
  private final Path base = Places.RUN.resolve("d");
  private final Path root;
  private final Programs programs;
  private final Path config = base.resolve("daemon.json");

  /**
   * @param liveRestore whether containers outlive the daemon
   */
  public Docker(boolean liveRestore) {
    super("dockerd");
    root = Places.fresh(name());
    try {
      programs =
          new Programs(
              base.resolve("bin"),
              true,
              List.of(
                  "dockerd",
                  "docker",
                  "docker-proxy",
                  "docker-init",
                  "containerd",
                  "containerd-shim-runc-v2",
                  "runc",
                  "ctr"));
      Path plugins = base.resolve("client/cli-plugins");
      Files.createDirectories(plugins);
      Path compose = plugins.resolve("docker-compose");
      Files.deleteIfExists(compose);
      Files.createSymbolicLink(
          compose,
          Places.ENGINES.resolve("usr/libexec/docker/cli-plugins/docker-compose").toRealPath());
      Json.Obj casemate = new Json.Obj().put("runtimeType", RuntimeUnderTest.chosen().type());
      Files.writeString(
          config,
          new Json.Obj()
              .put("live-restore", liveRestore)
              .put("debug", true)
              .put("default-runtime", "tested")
              .put("cgroup-parent", Places.MARK)
              .put("bip", "172.31.78.1/24")
              .put("runtimes", new Json.Obj().put("tested", casemate))
              .text());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Path socket() {
    return base.resolve("d.sock");
  }

  @Override
  protected List<String> command() {
    return List.of(
        programs.program("dockerd"),
        "--config-file",
        config.toString(),
        "--data-root",
        root.resolve("data").toString(),
        "--exec-root",
        base.resolve("x").toString(),
        "--pidfile",
        base.resolve("pid").toString(),
        "--host",
        "unix://" + socket());
  }

  @Override
  protected Map<String, String> environment() {
    return Map.of("PATH", programs.path(), "TMPDIR", root.toString());
  }

  @Override
  protected boolean answers() {
    return Files.exists(socket()) && docker("version").timeout(20).run().exit() == 0;
  }

  /** Its containerd belongs to the daemon, too. */
  @Override
  Set<Integer> ownPids() {
    Set<Integer> own = super.ownPids();
    Path pidFile = base.resolve("x/containerd/containerd.pid");
    try {
      own.add(Integer.valueOf(Files.readString(pidFile).strip()));
    } catch (IOException | NumberFormatException e) {
      // Not up, or restarting.
    }
    return own;
  }

  @Override
  List<Path> containerDirectories() {
    return List.of(
        base.resolve("x/netns"),
        base.resolve("x/containerd/daemon/io.containerd.runtime.v2.task"),
        base.resolve("x/containerd/fifo"),
        root.resolve("data/containers"),
        root.resolve("data/containerd/daemon/io.containerd.runtime.v2.task"));
  }

  public Call docker(String... arguments) {
    List<String> words = new ArrayList<>(List.of(programs.program("docker")));
    words.addAll(List.of(arguments));
    return new Call(words)
        .environment("DOCKER_HOST", "unix://" + socket())
        .environment("DOCKER_CONFIG", base.resolve("client").toString())
        .environment("PATH", programs.path());
  }

  /** Loads the images of the tests. */
  public Docker withImages() {
    docker("load", "-i", TestImage.busybox().tar().toString()).ok();
    return this;
  }

  /** Kills dockerd, whose containerd ends with it. */
  @Override
  public void kill() {
    super.kill();
    Shell.run("pkill -KILL -F " + base.resolve("x/containerd/containerd.pid") + " || true");
  }
}
