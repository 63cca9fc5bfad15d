package dev.casemate.network;

import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Text;
import java.util.List;
import java.util.Locale;

/** Which process has a local port: for the message only, after a bind has failed. */
final class PortHolder {
  private static final int LIMIT = 16 << 20;
  private static final String TCP_LISTEN = "0A";

  private PortHolder() {}

  /** {@code "process 123 (nginx)"}, or {@code "another process"} if it cannot be seen. */
  static String find(PortMapping mapping) {
    String suffix = ":" + hex(mapping.hostPort());
    for (String table : List.of(mapping.protocol().toString(), mapping.protocol() + "6")) {
      String text;
      try {
        text = FileContent.readString("/proc/thread-self/net/" + table, LIMIT);
      } catch (LinuxException e) {
        continue;
      }
      for (String line : Text.split(text, '\n')) {
        List<String> fields = Text.split(line, ' ');
        if (fields.size() > 9
            && fields.get(1).endsWith(suffix)
            && (mapping.protocol() == Protocol.UDP || fields.get(3).equals(TCP_LISTEN))) {
          String process = process("socket:[" + fields.get(9) + "]");
          if (!process.isEmpty()) {
            return process;
          }
        }
      }
    }
    return "another process";
  }

  private static String hex(int port) {
    String digits = Integer.toHexString(port).toUpperCase(Locale.ROOT);
    return "0".repeat(4 - digits.length()) + digits;
  }

  private static String process(String socket) {
    for (String pid : Fs.list("/proc")) {
      if (pid.charAt(0) < '0' || pid.charAt(0) > '9') {
        continue;
      }
      try {
        for (String fd : Fs.list("/proc/" + pid + "/fd")) {
          if (Links.readLink("/proc/" + pid + "/fd/" + fd).equals(socket)) {
            return "process "
                + pid
                + " ("
                + FileContent.readString("/proc/" + pid + "/comm", 64).strip()
                + ")";
          }
        }
      } catch (LinuxException e) {
        // It has ended, or closed the descriptor, while we looked.
        continue;
      }
    }
    return "";
  }
}
