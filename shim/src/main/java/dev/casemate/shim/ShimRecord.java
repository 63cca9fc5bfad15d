package dev.casemate.shim;

import dev.casemate.base.Json;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.sandbox.SandboxPaths;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * What a shim's process is told by the command that starts it, and what a later {@code delete}
 * needs: {@code shim.json} in the sandbox's run directory.
 *
 * @param sandboxId the name among Casemate's sandboxes
 * @param group the id that the sandbox has for the engine
 * @param bundle of the container that it was started for
 * @param socket where it listens
 * @param containerdAddress containerd's gRPC socket
 * @param ttrpcAddress where events go; may be empty
 * @param publishBinary publishes events where there is no such address
 * @param options what the engine's configuration says
 * @param pid the shim's process, 0 while it is being started
 * @param startTime tells it from others that have its pid later
 */
record ShimRecord(
    String sandboxId,
    String namespace,
    String group,
    String bundle,
    String socket,
    String containerdAddress,
    String ttrpcAddress,
    String publishBinary,
    boolean debug,
    RuntimeOptions options,
    int pid,
    long startTime) {
  private static final int LIMIT = 4 << 20;

  ShimRecord owned(int by, long since) {
    return new ShimRecord(
        sandboxId,
        namespace,
        group,
        bundle,
        socket,
        containerdAddress,
        ttrpcAddress,
        publishBinary,
        debug,
        options,
        by,
        since);
  }

  private static String path(SandboxPaths paths, String sandboxId) {
    return paths.sandbox(sandboxId) + "/shim.json";
  }

  void write(SandboxPaths paths) {
    Json.Obj json =
        new Json.Obj()
            .put("sandboxId", sandboxId)
            .put("namespace", namespace)
            .put("group", group)
            .put("bundle", bundle)
            .put("socket", socket)
            .put("containerdAddress", containerdAddress)
            .put("ttrpcAddress", ttrpcAddress)
            .put("publishBinary", publishBinary)
            .put("debug", debug)
            .put("configPath", options.configPath())
            .put("configBody", options.configBody())
            .put("pid", pid)
            .put("startTime", startTime);
    FileContent.replace(
        path(paths, sandboxId), json.pretty().getBytes(StandardCharsets.UTF_8), 0600);
  }

  /** Empty if there is no such sandbox, or none of a shim's. */
  static Optional<ShimRecord> read(SandboxPaths paths, String sandboxId) {
    try {
      Json.Obj json = Json.parseObject(FileContent.readString(path(paths, sandboxId), LIMIT));
      return Optional.of(
          new ShimRecord(
              json.string("sandboxId"),
              json.string("namespace"),
              json.string("group"),
              json.string("bundle"),
              json.string("socket"),
              json.string("containerdAddress"),
              json.string("ttrpcAddress"),
              json.string("publishBinary"),
              json.bool("debug", false),
              new RuntimeOptions(json.string("configPath"), json.string("configBody")),
              (int) json.integer("pid", 0),
              json.integer("startTime", 0)));
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return Optional.empty();
      }
      throw e;
    }
  }
}
