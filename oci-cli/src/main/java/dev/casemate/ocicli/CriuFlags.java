package dev.casemate.ocicli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Option;
import dev.casemate.commandline.UsageException;
import dev.casemate.linux.Processes;
import dev.casemate.oci.CriuOptions;
import java.util.List;

/** What {@code checkpoint} and {@code restore} share: runc's options, as criu's. */
final class CriuFlags {
  private static final String DEFAULT_IMAGES = "checkpoint";

  static final Option IMAGES =
      Option.value("image-path", "DIR", "directory of the image files (default: ./checkpoint)");
  static final Option WORK =
      Option.value(
          "work-path", "DIR", "directory of criu's log (default: that of the image files)");
  static final Option TCP = Option.flag("tcp-established", "allow open TCP connections");
  static final Option UNIX = Option.flag("ext-unix-sk", "allow external unix sockets");
  static final Option SHELL_JOB = Option.flag("shell-job", "allow shell jobs");
  static final Option FILE_LOCKS = Option.flag("file-locks", "allow file locks");
  static final Option CGROUPS =
      Option.value(
          "manage-cgroups-mode", "soft|full|strict|ignore", "how criu handles control groups");
  static final Option EMPTY =
      Option.value("empty-ns", "network", "create the namespace, but do not restore its content");
  static final Option AUTO_DEDUP =
      Option.flag("auto-dedup", "remove duplicate pages from parent images");

  private CriuFlags() {}

  /**
   * The options of criu that a command line asks for.
   *
   * @throws UsageException for a value that is none
   */
  static CriuOptions parse(Arguments arguments, Session session) {
    if (Processes.effectiveUid() != 0) {
      session.log().warning("criu takes root's privileges; as an ordinary user it may fail");
    }
    String images =
        Paths.absolute(
            arguments.last("image-path", "").strip().isEmpty()
                ? DEFAULT_IMAGES
                : arguments.last("image-path", ""));
    String work = arguments.last("work-path", "");
    return new CriuOptions(
        images,
        work.isEmpty() ? "" : Paths.absolute(work),
        parent(arguments.last("parent-path", "")),
        arguments.has("leave-running"),
        arguments.has("pre-dump"),
        arguments.has("tcp-established"),
        arguments.has("ext-unix-sk"),
        arguments.has("shell-job"),
        arguments.has("file-locks"),
        arguments.has("auto-dedup"),
        cgroups(arguments.last("manage-cgroups-mode", "soft")),
        emptyNetwork(arguments.all("empty-ns")),
        arguments.last("lsm-profile", ""),
        arguments.last("lsm-mount-context", ""));
  }

  private static String parent(String path) {
    if (path.startsWith("/")) {
      throw UsageException.ofValue("parent-path", path, "a path relative to --image-path");
    }
    return path;
  }

  private static String cgroups(String mode) {
    return switch (mode) {
      case "" -> "soft";
      case "soft", "full", "strict", "ignore" -> mode;
      default ->
          throw UsageException.ofValue("manage-cgroups-mode", mode, "soft, full, strict or ignore");
    };
  }

  private static boolean emptyNetwork(List<String> namespaces) {
    for (String namespace : namespaces) {
      if (!namespace.equals("network")) {
        throw UsageException.ofValue("empty-ns", namespace, "network");
      }
    }
    return !namespaces.isEmpty();
  }

  /** Refuses options of runc that there is nothing behind. */
  static void refuse(Arguments arguments, String... names) {
    for (String name : names) {
      boolean given = arguments.isGiven(name) && !arguments.last(name, "").equals("false");
      if (given) {
        throw CasemateException.of(
            Kind.FAILED_PRECONDITION,
            "--"
                + name
                + " is not supported: images are written to and read from files; leave it out, and"
                + " copy the directory that --image-path names");
      }
    }
  }
}
