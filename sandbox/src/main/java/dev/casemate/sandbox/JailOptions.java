package dev.casemate.sandbox;

import dev.casemate.jail.UserRange;
import dev.casemate.linux.Text;
import java.util.ArrayList;
import java.util.List;

/**
 * How a sandbox's processes are confined on the host; see {@code docs/security.md}.
 *
 * @param enabled whether VMM and file-sharing daemon run in a jail
 * @param users the user ids that VMMs run as
 * @param cgroup the control group of the sandbox's processes, an absolute path in each hierarchy;
 *     empty: they stay where they are started
 * @param ownProcess whether this process belongs to the sandbox alone and goes into the group, too
 */
public record JailOptions(boolean enabled, UserRange users, String cgroup, boolean ownProcess) {
  /**
   * Jailed, without a control group: for a program that runs sandboxes in addition to other work.
   */
  public static final JailOptions DEFAULT = new JailOptions(true, UserRange.DEFAULT, "", false);

  /** Below it lie the groups of sandboxes that no engine has a place for. */
  static final String CGROUP = "/casemate";

  /** The environment variable with the setting. */
  static final String VARIABLE = "CASEMATE_JAIL";

  /**
   * The default, or the setting in the environment: {@code CASEMATE_JAIL} is {@code off}, {@code
   * on} or {@code FIRST:COUNT}, the range of user ids.
   *
   * @throws dev.casemate.base.CasemateException INVALID_ARGUMENT for any other value
   */
  public static JailOptions fromEnvironment() {
    return parse(System.getenv(VARIABLE));
  }

  static JailOptions parse(@org.jspecify.annotations.Nullable String text) {
    if (text == null || text.isEmpty() || text.equals("on")) {
      return DEFAULT;
    }
    return text.equals("off")
        ? new JailOptions(false, UserRange.DEFAULT, "", false)
        : new JailOptions(true, UserRange.parse(text), "", false);
  }

  /** The setting as {@link #fromEnvironment} reads it. */
  String word() {
    return enabled ? users.first() + ":" + users.count() : "off";
  }

  /** For the process of one sandbox, in its control group. */
  public JailOptions inGroup(String path) {
    return new JailOptions(enabled, users, path, true);
  }

  /**
   * The group of a sandbox, next to those of its containers, in the parent that an engine names.
   *
   * @param cgroupsPath {@code linux.cgroupsPath} of a container, in either form: {@code
   *     /docker/ID}, or systemd's {@code system.slice:docker:ID}; empty: Casemate's own parent
   * @param sandboxId the sandbox's id
   */
  public static String groupBeside(String cgroupsPath, String sandboxId) {
    return parentOf(cgroupsPath) + "/casemate-" + sandboxId;
  }

  /**
   * The group of a sandbox in a parent.
   *
   * @param parent {@code /kubepods/podID}, or systemd's {@code kubepods-podID.slice}; empty:
   *     Casemate's own
   */
  public static String groupIn(String parent, String sandboxId) {
    String path = parent.endsWith(".slice") && !parent.startsWith("/") ? slice(parent) : parent;
    return (valid(path) ? path : CGROUP) + "/casemate-" + sandboxId;
  }

  private static String parentOf(String cgroupsPath) {
    List<String> unit = Text.split(cgroupsPath, ':');
    String parent =
        unit.size() == 3
            ? slice(unit.getFirst())
            : cgroupsPath.substring(0, Math.max(0, cgroupsPath.lastIndexOf('/')));
    return valid(parent) ? parent : CGROUP;
  }

  private static boolean valid(String path) {
    if (!path.startsWith("/") || path.length() > 2048) {
      return false;
    }
    for (String name : Text.split(path, '/')) {
      if (name.equals("..") || name.equals(".")) {
        return false;
      }
    }
    return path.length() > 1;
  }

  /** {@code a-b.slice} lies in {@code a.slice} (systemd.slice(5)). */
  private static String slice(String name) {
    if (!name.endsWith(".slice") || name.indexOf('/') >= 0) {
      return "";
    }
    String stem = name.substring(0, name.length() - ".slice".length());
    List<String> path = new ArrayList<>();
    for (int dash = stem.indexOf('-'); dash > 0; dash = stem.indexOf('-', dash + 1)) {
      path.add(stem.substring(0, dash) + ".slice");
    }
    path.add(name);
    return "/" + String.join("/", path);
  }
}
