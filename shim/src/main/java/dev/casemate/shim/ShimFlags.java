package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.util.List;

/**
 * A shim's command line, as Go's flag package reads it: one dash or two, {@code -name value} or
 * {@code -name=value}, flags before the action.
 *
 * @param namespace containerd's namespace
 * @param id the container's or sandbox's id
 * @param address containerd's gRPC socket
 * @param publishBinary publishes events where there is no ttrpc address
 * @param bundle the bundle, if it is not the working directory
 * @param socket where to listen; empty: by containerd's convention
 * @param action {@code start}, {@code delete}, or empty for the server
 */
record ShimFlags(
    String namespace,
    String id,
    String address,
    String publishBinary,
    String bundle,
    String socket,
    boolean debug,
    boolean info,
    boolean version,
    String action) {

  static ShimFlags parse(List<String> words) {
    String namespace = "";
    String id = "";
    String address = "";
    String publishBinary = "containerd";
    String bundle = "";
    String socket = "";
    boolean debug = false;
    boolean info = false;
    boolean version = false;
    int at = 0;
    while (at < words.size() && words.get(at).startsWith("-")) {
      String word = words.get(at++);
      if (word.equals("--")) {
        break;
      }
      String name = word.startsWith("--") ? word.substring(2) : word.substring(1);
      int equals = name.indexOf('=');
      String value = "";
      if (equals >= 0) {
        value = name.substring(equals + 1);
        name = name.substring(0, equals);
      }
      switch (name) {
        case "debug" -> debug = isTrue(name, value);
        case "info" -> info = isTrue(name, value);
        case "v", "version" -> version = isTrue(name, value);
        case "namespace", "id", "address", "publish-binary", "bundle", "socket", "debug-socket" -> {
          if (equals < 0) {
            if (at == words.size()) {
              throw CasemateException.of(Kind.INVALID_ARGUMENT, "flag -" + name + " has no value");
            }
            value = words.get(at++);
          }
          switch (name) {
            case "namespace" -> namespace = value;
            case "id" -> id = value;
            case "address" -> address = value;
            case "publish-binary" -> publishBinary = value;
            case "bundle" -> bundle = value;
            case "socket" -> socket = value;
            default -> {
              // A socket for Go's profiler; there is none here.
            }
          }
        }
        default ->
            throw CasemateException.of(
                Kind.INVALID_ARGUMENT,
                "flag -"
                    + name
                    + " is unknown; expected -namespace, -id, -address, -publish-binary, -bundle,"
                    + " -socket, -debug, -info or -version");
      }
    }
    String action = at < words.size() ? words.get(at) : "";
    return new ShimFlags(
        namespace,
        id,
        address,
        publishBinary,
        bundle,
        stripScheme(socket),
        debug,
        info,
        version,
        action);
  }

  private static boolean isTrue(String name, String value) {
    return switch (value) {
      case "", "true", "1", "t", "T", "TRUE", "True" -> true;
      case "false", "0", "f", "F", "FALSE", "False" -> false;
      default ->
          throw CasemateException.of(
              Kind.INVALID_ARGUMENT, "flag -" + name + "=" + value + " is neither true nor false");
    };
  }

  private static String stripScheme(String address) {
    return address.startsWith("unix://") ? address.substring("unix://".length()) : address;
  }

  /** Checks that the flags say which container of which namespace is meant. */
  ShimFlags requireIdentity() {
    if (namespace.isEmpty() || id.isEmpty()) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "-namespace \""
              + namespace
              + "\" and -id \""
              + id
              + "\" must both be set; this command is meant to be run by containerd");
    }
    Identity.check("namespace", namespace);
    Identity.check("id", id);
    return this;
  }
}
