package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.base.Json;
import dev.casemate.base.PathText;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.Spec;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What lies outside of a dumped container, kept as {@code casemate.json} beside criu's images: the
 * restoring side has to supply it.
 *
 * @param streams criu's names of the first process's descriptors 0, 1 and 2; empty for one that is
 *     the container's own
 * @param mounts where in the container files and directories of the outside are mounted
 * @param links of these, the ones whose destination in the configuration leads over links of the
 *     root: where they are to that destination
 */
record ImageRecord(List<String> streams, List<String> mounts, Map<String, String> links) {
  private static final String FILE = "casemate.json";
  private static final int LIMIT = 16 << 20;

  static ImageRecord read(String images) {
    try {
      Json.Obj json = Json.parseObject(FileContent.readString(images + "/" + FILE, LIMIT));
      return new ImageRecord(
          json.strings("streams"), json.strings("mounts"), json.stringMap("links"));
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        throw Failures.precondition(
            images + " has no " + FILE + ": it is no checkpoint of this runtime; make one with it");
      }
      throw Failures.of("reading the checkpoint", e);
    }
  }

  void write(String images) {
    Json.Obj json =
        new Json.Obj()
            .putStrings("streams", streams)
            .putStrings("mounts", mounts)
            .putMap("links", links);
    FileContent.replace(images + "/" + FILE, json.text().getBytes(StandardCharsets.UTF_8), 0600);
  }

  /** The outside's path of a mount, as the configuration has it now. */
  static String source(String target, Spec spec, String bundle) {
    if (spec.linux().maskedPaths().contains(target)) {
      return "/dev/null";
    }
    MountSpec best = nearest(target, spec).orElse(null);
    if (best == null || !isBind(best)) {
      // A device of the outside, which is mounted under its own name.
      return target;
    }
    String source = best.source().startsWith("/") ? best.source() : bundle + "/" + best.source();
    return source + target.substring(PathText.clean(best.destination()).length());
  }

  /**
   * A path in the container as the configuration has it: below the destination of a bind that leads
   * over links, not below where these lead to.
   */
  String configured(String target) {
    String best = "";
    for (String real : links.keySet()) {
      if (covers(real, target) && real.length() > best.length()) {
        best = real;
      }
    }
    return best.isEmpty() ? target : links.get(best) + target.substring(best.length());
  }

  /** The mount of the configuration that a path of it is on; the last of several counts. */
  static Optional<MountSpec> nearest(String path, Spec spec) {
    MountSpec best = null;
    String bestAt = "";
    for (MountSpec mount : spec.mounts()) {
      String destination = PathText.clean(mount.destination());
      if (covers(destination, path) && destination.length() >= bestAt.length()) {
        best = mount;
        bestAt = destination;
      }
    }
    return Optional.ofNullable(best);
  }

  static boolean isCgroup(MountSpec mount) {
    return mount.type().equals("cgroup") || mount.type().equals("cgroup2");
  }

  static boolean isBind(MountSpec mount) {
    MountOptions options = MountOptions.parse(mount);
    return options.bind || options.bindRecursive;
  }

  /** Whether a path is another or below it. */
  static boolean covers(String above, String path) {
    return path.equals(above) || path.startsWith(above.equals("/") ? "/" : above + "/");
  }

  /** The path of a joined namespace; empty if it is none. */
  static String joined(LinuxSpec linux, String... types) {
    for (LinuxSpec.Namespace namespace : linux.namespaces()) {
      for (String type : types) {
        if (namespace.type().equals(type)) {
          return namespace.path();
        }
      }
    }
    return "";
  }
}
