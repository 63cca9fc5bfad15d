package dev.casemate.linux;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads the files of a process in {@code /proc} (proc(5)). */
public final class ProcessTable {
  private static final int PAGE = 4096;
  private static final int FILE_LIMIT = 16 * 1024;
  private static final int COMMAND_LIMIT = 4096;

  private ProcessTable() {}

  /** A process; empty if it has ended meanwhile. */
  public static Optional<ProcessInfo> read(int pid) {
    String folder = "/proc/" + pid;
    try {
      String stat = FileContent.readString(folder + "/stat", FILE_LIMIT);
      String status = FileContent.readString(folder + "/status", FILE_LIMIT);
      // The command is in parentheses and may hold anything: fields count from the last one.
      int open = stat.indexOf('(');
      int close = stat.lastIndexOf(')');
      List<String> fields = Text.split(stat.substring(close + 1), ' ');
      String command = stat.substring(open + 1, close);
      return Optional.of(
          new ProcessInfo(
              pid,
              Integer.parseInt(fields.get(1)),
              (int) last(status, "NSpid:", pid),
              (int) first(status, "Uid:"),
              fields.get(0),
              Long.parseLong(fields.get(19)),
              Long.parseLong(fields.get(11)) + Long.parseLong(fields.get(12)),
              Integer.parseInt(fields.get(4)),
              Long.parseLong(fields.get(21)) * PAGE,
              command,
              commandLine(folder, command)));
    } catch (LinuxException | NumberFormatException | IndexOutOfBoundsException e) {
      return Optional.empty();
    }
  }

  /** The processes that are in the pid namespace of one, for a container without a group. */
  public static List<Integer> inNamespaceOf(int pid) {
    List<Integer> pids = new ArrayList<>();
    try {
      String wanted = Links.readLink("/proc/" + pid + "/ns/pid");
      for (String name : Fs.list("/proc")) {
        if (name.charAt(0) >= '1' && name.charAt(0) <= '9' && isIn(wanted, name)) {
          pids.add(Integer.parseInt(name));
        }
      }
    } catch (LinuxException e) {
      pids.add(pid);
    }
    return pids;
  }

  private static boolean isIn(String namespace, String pid) {
    try {
      return Links.readLink("/proc/" + pid + "/ns/pid").equals(namespace);
    } catch (LinuxException e) {
      // Ended meanwhile, or another user's.
      return false;
    }
  }

  private static String line(String status, String name) {
    int at = status.startsWith(name) ? 0 : status.indexOf("\n" + name);
    if (at < 0) {
      return "";
    }
    int start = status.indexOf(':', at) + 1;
    int end = status.indexOf('\n', start);
    return status.substring(start, end < 0 ? status.length() : end);
  }

  private static long first(String status, String name) {
    List<String> values = Text.split(line(status, name), '\t');
    return values.isEmpty() ? 0 : Long.parseLong(values.get(0));
  }

  private static long last(String status, String name, long otherwise) {
    List<String> values = Text.split(line(status, name), '\t');
    return values.isEmpty() ? otherwise : Long.parseLong(values.get(values.size() - 1));
  }

  private static String commandLine(String folder, String command) {
    byte[] bytes;
    try (dev.casemate.linux.Fd file = Fs.open(folder + "/cmdline", 0)) {
      byte[] buffer = new byte[COMMAND_LIMIT];
      int n = file.read(buffer, 0, buffer.length);
      bytes = java.util.Arrays.copyOf(buffer, Math.max(0, n));
    }
    int length = bytes.length;
    while (length > 0 && bytes[length - 1] == 0) {
      length--;
    }
    if (length == 0) {
      return "[" + command + "]";
    }
    for (int i = 0; i < length; i++) {
      if (bytes[i] == 0) {
        bytes[i] = ' ';
      }
    }
    return new String(bytes, 0, length, StandardCharsets.UTF_8);
  }
}
