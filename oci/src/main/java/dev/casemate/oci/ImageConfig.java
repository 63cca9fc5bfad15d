package dev.casemate.oci;

import dev.casemate.base.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * An image's configuration of the process to run in it (image-spec, config.md). Absent fields are
 * empty.
 *
 * @param env {@code NAME=value}
 * @param user {@code user[:group]}, names or numbers
 * @param exposedPorts {@code 80/tcp}
 * @param volumes paths in the container
 * @param stopSignal {@code SIGTERM}, {@code 15}, or empty
 * @param diffIds digests of the uncompressed layers, lowest first
 */
public record ImageConfig(
    Platform platform,
    List<String> env,
    List<String> entrypoint,
    List<String> cmd,
    String workingDir,
    String user,
    List<String> exposedPorts,
    List<String> volumes,
    Map<String, String> labels,
    String stopSignal,
    List<String> diffIds) {
  public static final String OCI = "application/vnd.oci.image.config.v1+json";
  public static final String DOCKER = "application/vnd.docker.container.image.v1+json";

  /**
   * Whether an image's config may have this media type: the two of the specifications, and those
   * that old registries and clients wrote, which Docker accepts.
   */
  public static boolean isMediaType(String type) {
    return switch (type) {
      case OCI, DOCKER, "", "application/octet-stream", "application/json", "text/html" -> true;
      default -> false;
    };
  }

  /** The config of a root directory without an image: everything is empty. */
  public static ImageConfig empty() {
    return new ImageConfig(
        Platform.LINUX_AMD64,
        List.of(),
        List.of(),
        List.of(),
        "",
        "",
        List.of(),
        List.of(),
        Map.of(),
        "",
        List.of());
  }

  public static ImageConfig parse(Json.Obj json) {
    Json.Obj config = json.object("config").orElseGet(Json.Obj::new);
    return new ImageConfig(
        Platform.parse(json),
        config.strings("Env"),
        config.strings("Entrypoint"),
        config.strings("Cmd"),
        config.string("WorkingDir"),
        config.string("User"),
        keys(config, "ExposedPorts"),
        keys(config, "Volumes"),
        config.stringMap("Labels"),
        config.string("StopSignal"),
        json.object("rootfs").orElseGet(Json.Obj::new).strings("diff_ids"));
  }

  private static List<String> keys(Json.Obj config, String name) {
    return config.object(name).map(o -> List.copyOf(o.fields().keySet())).orElse(List.of());
  }

  /** The JSON form, as {@link #parse} reads it. */
  public Json.Obj json() {
    Json.Obj config = new Json.Obj();
    putUnlessEmpty(config, "Env", env);
    putUnlessEmpty(config, "Entrypoint", entrypoint);
    putUnlessEmpty(config, "Cmd", cmd);
    if (!workingDir.isEmpty()) {
      config.put("WorkingDir", workingDir);
    }
    if (!user.isEmpty()) {
      config.put("User", user);
    }
    putSet(config, "ExposedPorts", exposedPorts);
    putSet(config, "Volumes", volumes);
    if (!labels.isEmpty()) {
      config.putMap("Labels", labels);
    }
    if (!stopSignal.isEmpty()) {
      config.put("StopSignal", stopSignal);
    }
    return platform
        .json()
        .put("config", config)
        .put("rootfs", new Json.Obj().put("type", "layers").putStrings("diff_ids", diffIds));
  }

  private static void putUnlessEmpty(Json.Obj config, String name, List<String> values) {
    if (!values.isEmpty()) {
      config.putStrings(name, new ArrayList<>(values));
    }
  }

  private static void putSet(Json.Obj config, String name, List<String> values) {
    if (!values.isEmpty()) {
      Json.Obj set = new Json.Obj();
      for (String value : values) {
        set.put(value, new Json.Obj());
      }
      config.put(name, set);
    }
  }
}
