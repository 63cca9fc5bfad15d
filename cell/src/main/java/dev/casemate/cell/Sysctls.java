package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.oci.LinuxSpec;
import java.util.LinkedHashMap;
import java.util.Map;

/** Kernel parameters of a container ({@code linux.sysctl}), or of a whole machine. */
public final class Sysctls {
  private Sysctls() {}

  /** Writes the parameters; the process is in the container's namespaces, /proc still outside. */
  static void apply(Map<String, String> values, Namespaces namespaces, boolean ownKernel) {
    for (Map.Entry<String, String> entry : values.entrySet()) {
      String key = entry.getKey();
      if (!ownKernel && !isNamespaced(key, namespaces)) {
        throw Failures.invalid(
            "sysctl \"" + key + "\" is not in a separate kernel namespace; set it on the host");
      }
      write(key, entry.getValue());
    }
  }

  /**
   * Writes those parameters of a container that are its machine's: their namespaces are not its
   * own.
   *
   * @return the others, which the container's process has to write itself
   */
  public static Map<String, String> writeInherited(Map<String, String> values, LinuxSpec linux) {
    Namespaces namespaces = Namespaces.of(linux);
    Map<String, String> own = new LinkedHashMap<>();
    for (Map.Entry<String, String> entry : values.entrySet()) {
      if (isNamespaced(entry.getKey(), namespaces)) {
        own.put(entry.getKey(), entry.getValue());
      } else {
        write(entry.getKey(), entry.getValue());
      }
    }
    return own;
  }

  /**
   * Writes a parameter of the namespaces that this process is in.
   *
   * @param key {@code kernel.shm_rmid_forced}, or with slashes
   * @throws dev.casemate.base.CasemateException if the kernel has no such parameter or does not
   *     take the value
   */
  public static void write(String key, String value) {
    try {
      FileContent.writeControl("/proc/sys/" + path(key), value);
    } catch (LinuxException e) {
      throw Failures.of("sysctl " + key, e);
    }
  }

  /** Dots are slashes, and slashes (as in {@code net.ipv4.conf.eth0/1.x}) are dots. */
  static String path(String key) {
    StringBuilder path = new StringBuilder();
    int slash = key.indexOf('/');
    int dot = key.indexOf('.');
    boolean slashes = slash >= 0 && (dot < 0 || slash < dot);
    for (int i = 0; i < key.length(); i++) {
      char c = key.charAt(i);
      if (slashes) {
        path.append(c);
      } else {
        path.append(c == '.' ? '/' : c == '/' ? '.' : c);
      }
    }
    String result = path.toString();
    if (result.isEmpty() || result.startsWith("/") || ("/" + result + "/").contains("/../")) {
      throw Failures.invalid("sysctl \"" + key + "\" is no name of a kernel parameter; correct it");
    }
    return result;
  }

  private static boolean isNamespaced(String key, Namespaces namespaces) {
    String path = path(key);
    if (path.startsWith("net/")) {
      return namespaces.has(Processes.CLONE_NEWNET);
    }
    if (path.startsWith("fs/mqueue/")) {
      return namespaces.has(Processes.CLONE_NEWIPC);
    }
    return switch (path) {
      case "kernel/msgmax",
          "kernel/msgmnb",
          "kernel/msgmni",
          "kernel/sem",
          "kernel/shmall",
          "kernel/shmmax",
          "kernel/shmmni",
          "kernel/shm_rmid_forced" ->
          namespaces.has(Processes.CLONE_NEWIPC);
      case "kernel/domainname" -> namespaces.has(Processes.CLONE_NEWUTS);
      default -> false;
    };
  }
}
