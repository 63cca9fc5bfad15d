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

/**
 * What lies outside of a dumped container, kept as {@code casemate.json} beside criu's images: the
 * restoring side has to supply it.
 *
 * @param streams criu's names of the first process's descriptors 0, 1 and 2; empty for one that is
 *     the container's own
 * @param mounts where in the container files and directories of the outside are mounted
 */
record ImageRecord(List<String> streams, List<String> mounts) {
  private static final String FILE = "casemate.json";
  private static final int LIMIT = 16 << 20;

  static ImageRecord read(String images) {
    try {
      Json.Obj json = Json.parseObject(FileContent.readString(images + "/" + FILE, LIMIT));
      return new ImageRecord(json.strings("streams"), json.strings("mounts"));
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        throw Failures.precondition(
            images + " has no " + FILE + ": it is no checkpoint of this runtime; make one with it");
      }
      throw Failures.of("reading the checkpoint", e);
    }
  }

  void write(String images) {
    Json.Obj json = new Json.Obj().putStrings("streams", streams).putStrings("mounts", mounts);
    FileContent.replace(images + "/" + FILE, json.text().getBytes(StandardCharsets.UTF_8), 0600);
  }

  /** The outside's path of a mount, as the configuration has it now. */
  static String source(String target, Spec spec, String bundle) {
    if (spec.linux().maskedPaths().contains(target)) {
      return "/dev/null";
    }
    MountSpec best = null;
    for (MountSpec mount : spec.mounts()) {
      String destination = PathText.clean(mount.destination());
      if (covers(destination, target)
          && (best == null
              || destination.length() >= PathText.clean(best.destination()).length())) {
        best = mount;
      }
    }
    if (best == null || !isBind(best)) {
      // A device of the outside, which is mounted under its own name.
      return target;
    }
    String source = best.source().startsWith("/") ? best.source() : bundle + "/" + best.source();
    return source + target.substring(PathText.clean(best.destination()).length());
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
