package dev.casemate.cgroup;

import dev.casemate.base.Failures;
import dev.casemate.base.Json;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.Text;
import dev.casemate.oci.LinuxSpec.IntelRdt;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A container's class of service in the resctrl file system: its share of caches and of memory
 * bandwidth (runtime-spec config-linux.md, "IntelRdt"; Documentation/arch/x86/resctrl.rst).
 *
 * @param path its directory
 * @param own whether it is the container's alone, named after it, and goes with it
 */
public record ResctrlGroup(String path, boolean own) {
  private static final int LIMIT = 1 << 16;
  private static final String BANDWIDTH = "MB:";

  /**
   * Where a container belongs; nothing is made yet.
   *
   * @throws dev.casemate.base.CasemateException FAILED_PRECONDITION if no resctrl is mounted
   */
  public static Optional<ResctrlGroup> of(Optional<IntelRdt> rdt, String containerId) {
    if (rdt.isEmpty()) {
      return Optional.empty();
    }
    for (Mounts.Info mount : Mounts.list()) {
      if (mount.fstype().equals("resctrl")) {
        return Optional.of(in(mount.target(), rdt.get(), containerId));
      }
    }
    throw Failures.precondition(
        "linux.intelRdt is given, but no resctrl file system is mounted; mount one at"
            + " /sys/fs/resctrl, where processor and kernel have it, or remove linux.intelRdt");
  }

  public static ResctrlGroup in(String root, IntelRdt rdt, String containerId) {
    check(rdt);
    boolean own = rdt.closId().isEmpty();
    return new ResctrlGroup(root + "/" + (own ? containerId : rdt.closId()), own);
  }

  private static void check(IntelRdt rdt) {
    String name = rdt.closId();
    if (name.contains("/") || name.contains("\0") || name.equals(".") || name.equals("..")) {
      throw Failures.invalid(
          "linux.intelRdt.closID \""
              + name
              + "\" is not valid: expected the name of one directory");
    }
    String bandwidth = rdt.memoryBandwidthSchema();
    if (!bandwidth.isEmpty() && (!bandwidth.startsWith(BANDWIDTH) || bandwidth.contains("\n"))) {
      throw Failures.invalid(
          "linux.intelRdt.memBwSchema \""
              + bandwidth
              + "\" is not valid: expected one line that begins with MB:");
    }
    for (String line : rdt.schemata()) {
      if (line.isBlank() || line.contains("\n")) {
        throw Failures.invalid(
            "linux.intelRdt.schemata \"" + line + "\" is not valid: expected one line each");
      }
    }
    if (rdt.enableMonitoring()) {
      throw Failures.invalid(
          "linux.intelRdt.enableMonitoring is not supported: there is no command that would show"
              + " what is counted; remove it");
    }
  }

  /**
   * The lines for the {@code schemata} file; of two with bandwidths, memBwSchema's counts. Those of
   * the specification's {@code schemata} are the last, so that they count.
   */
  static List<String> schemata(IntelRdt rdt) {
    List<String> lines = new ArrayList<>();
    for (String line : Text.split(rdt.l3CacheSchema(), '\n')) {
      String text = line.strip();
      if (!text.isEmpty()
          && (rdt.memoryBandwidthSchema().isEmpty() || !text.startsWith(BANDWIDTH))) {
        lines.add(text);
      }
    }
    if (!rdt.memoryBandwidthSchema().isEmpty()) {
      lines.add(rdt.memoryBandwidthSchema());
    }
    lines.addAll(rdt.schemata());
    return lines;
  }

  /**
   * Makes the group, or finds that it is as wanted.
   *
   * @throws dev.casemate.base.CasemateException FAILED_PRECONDITION if there is another of its name
   */
  public void create(IntelRdt rdt) {
    List<String> wanted = schemata(rdt);
    boolean there = Fs.exists(path);
    if (there && own) {
      throw Failures.precondition(
          "resctrl group " + path + " already exists; set a closID, or remove the group");
    }
    if (!there && !own && wanted.isEmpty()) {
      throw Failures.precondition(
          "resctrl group "
              + path
              + " does not exist, and linux.intelRdt has no schema to create it with; create it,"
              + " or set l3CacheSchema or memBwSchema");
    }
    if (there) {
      compare(wanted);
      return;
    }
    Fs.makeDirectory(path, 0755);
    boolean done = false;
    try {
      if (!wanted.isEmpty()) {
        write("schemata", String.join("\n", wanted) + "\n");
      }
      done = true;
    } finally {
      if (!done) {
        Fs.removeDirectory(path);
      }
    }
  }

  private void compare(List<String> wanted) {
    if (wanted.isEmpty()) {
      return;
    }
    Map<String, Map<String, String>> found =
        parse(FileContent.readString(path + "/schemata", LIMIT));
    parse(String.join("\n", wanted))
        .forEach(
            (resource, values) -> {
              Map<String, String> there = found.getOrDefault(resource, Map.of());
              if (!there.entrySet().containsAll(values.entrySet())) {
                throw Failures.precondition(
                    "resctrl group "
                        + path
                        + " has "
                        + resource
                        + ":"
                        + there
                        + ", but linux.intelRdt requires "
                        + values
                        + "; set another closID, or omit the schema to use the group as it is");
              }
            });
  }

  /** {@code L3:0=07f;1=1f} as resource, domain and value; masks without leading zeros. */
  private static Map<String, Map<String, String>> parse(String schemata) {
    Map<String, Map<String, String>> resources = new LinkedHashMap<>();
    for (String line : Text.split(schemata, '\n')) {
      int colon = line.indexOf(':');
      if (colon < 0) {
        continue;
      }
      Map<String, String> values = new LinkedHashMap<>();
      for (String domain : Text.split(line.substring(colon + 1), ';')) {
        int equals = domain.indexOf('=');
        if (equals > 0) {
          values.put(
              domain.substring(0, equals).strip(), plain(domain.substring(equals + 1).strip()));
        }
      }
      resources.put(line.substring(0, colon).strip(), values);
    }
    return resources;
  }

  private static String plain(String number) {
    int first = 0;
    while (first < number.length() - 1 && number.charAt(first) == '0') {
      first++;
    }
    return number.substring(first).toLowerCase(Locale.ROOT);
  }

  /** Changes what the group has. */
  public void update(IntelRdt rdt) {
    check(rdt);
    write("schemata", String.join("\n", schemata(rdt)) + "\n");
  }

  /** Takes a process, and with it what it forks from now on. */
  public void add(int pid) {
    write("tasks", Integer.toString(pid));
  }

  private void write(String file, String value) {
    try {
      FileContent.writeControl(path + "/" + file, value);
    } catch (LinuxException e) {
      throw Failures.of("resctrl group " + path + " (see info/last_cmd_status beside it)", e);
    }
  }

  /** Removes it if it was the container's alone. */
  public void remove() {
    if (own) {
      try {
        Fs.removeDirectory(path);
      } catch (LinuxException e) {
        if (e.errno() != Errno.ENOENT) {
          throw e;
        }
      }
    }
  }

  public Json.Obj toJson() {
    return new Json.Obj().put("path", path).put("own", own);
  }

  public static ResctrlGroup fromJson(Json.Obj json) {
    return new ResctrlGroup(json.string("path"), json.bool("own", false));
  }
}
