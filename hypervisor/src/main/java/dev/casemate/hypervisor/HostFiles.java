package dev.casemate.hypervisor;

import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Text;
import java.util.List;

/** The kernel's files below a root directory that a test can make up. */
final class HostFiles {
  private static final int LIMIT = 4 * 1024 * 1024;

  private final String root;

  HostFiles(String root) {
    this.root = root;
  }

  String root() {
    return root;
  }

  boolean exists(String path) {
    try {
      return Fs.exists(root + path);
    } catch (LinuxException e) {
      return false;
    }
  }

  /** A file's text, trimmed; empty if it cannot be read. */
  String read(String path) {
    try {
      return FileContent.readString(root + path, LIMIT).trim();
    } catch (LinuxException e) {
      return "";
    }
  }

  List<String> lines(String path) {
    return Text.split(read(path), '\n');
  }

  /** The words after {@code name:} in a file such as {@code /proc/meminfo}; empty if absent. */
  List<String> field(String path, String name) {
    for (String line : lines(path)) {
      if (line.startsWith(name + ":")) {
        return Text.split(line.substring(name.length() + 1).replace('\t', ' '), ' ');
      }
    }
    return List.of();
  }
}
