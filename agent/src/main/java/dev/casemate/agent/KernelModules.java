package dev.casemate.agent;

import dev.casemate.linux.Errno;
import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Machine;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Text;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Kernel modules of the initramfs, {@code /lib/modules/NAME.ko}, and the features that they make
 * up, {@code /lib/modules/groups}: a line {@code group: module module …} in load order each.
 *
 * <p>Holds the directory open, because the initramfs has no path once the agent has its own root.
 */
final class KernelModules {
  private static final String DIRECTORY = "/lib/modules";
  private static final int GROUPS_LIMIT = 64 * 1024;
  private static final int NAME_LIMIT = 64;

  private final Fd directory;
  private final Map<String, List<String>> groups;
  private final Set<String> loaded = new HashSet<>();

  private KernelModules(Fd directory, Map<String, List<String>> groups) {
    this.directory = directory;
    this.groups = groups;
  }

  /** Opens the initramfs's modules; a guest without any has no groups. */
  static KernelModules open() {
    Fd directory = Fs.open(Fs.exists(DIRECTORY) ? DIRECTORY : "/", OpenFlag.DIRECTORY);
    String text = "";
    try (Fd file = Fs.openAt(directory, "groups", OpenFlag.READ_ONLY, 0)) {
      text =
          new String(
              FileContent.readBytes(file, DIRECTORY + "/groups", GROUPS_LIMIT),
              java.nio.charset.StandardCharsets.UTF_8);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
    }
    return new KernelModules(directory, parseGroups(text));
  }

  static Map<String, List<String>> parseGroups(String text) {
    Map<String, List<String>> groups = new HashMap<>();
    for (String line : Text.split(text, '\n')) {
      int colon = line.indexOf(':');
      if (colon > 0 && line.charAt(0) != '#') {
        groups.put(line.substring(0, colon).strip(), Text.split(line.substring(colon + 1), ' '));
      }
    }
    return groups;
  }

  /** Whether a name can be a module's: it becomes part of a path. */
  static boolean isName(String name) {
    if (name.isEmpty() || name.length() > NAME_LIMIT) {
      return false;
    }
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      boolean word = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
      if (!word && c != '_' && c != '-') {
        return false;
      }
    }
    return true;
  }

  /** Loads a group's modules; a feature without a group is built into the kernel. */
  void loadGroup(String name) {
    List<String> modules = groups.get(name);
    if (modules != null) {
      for (String module : modules) {
        load(module, "");
      }
    }
  }

  /**
   * Loads a group or a single module.
   *
   * @return whether there is a group or a file of that name
   */
  boolean loadNamed(String name, String parameters) {
    if (groups.containsKey(name)) {
      loadGroup(name);
      return true;
    }
    return load(name, parameters);
  }

  /** Loads a module that the host has sent, unless it is loaded already. */
  void loadGiven(String name, byte[] content) {
    if (!isName(name) || loaded.contains(name)) {
      return;
    }
    try (Fd file = EventFd.memory(name)) {
      file.writeAll(content);
      Machine.loadModule(file, "");
      loaded.add(name);
    }
  }

  private boolean load(String module, String parameters) {
    if (!isName(module)) {
      return false;
    }
    if (loaded.contains(module)) {
      return true;
    }
    try (Fd file = Fs.openAt(directory, module + ".ko", OpenFlag.READ_ONLY, 0)) {
      Machine.loadModule(file, parameters);
      loaded.add(module);
      return true;
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT && e.call().equals("open")) {
        return false;
      }
      throw new LinuxException(e.call(), "module " + module, e.errno());
    }
  }
}
