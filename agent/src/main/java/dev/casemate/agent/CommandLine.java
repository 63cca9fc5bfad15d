package dev.casemate.agent;

import dev.casemate.linux.FileContent;
import dev.casemate.linux.Text;
import dev.casemate.protocol.GuestContract;
import java.util.List;

/**
 * What the kernel command line tells the agent; everything else on it is the kernel's.
 *
 * @param moduleGroups groups of {@code /lib/modules/groups} to load, from {@code casemate.modules=}
 * @param channel the way to the host, from {@code casemate.channel=}
 * @param logLevel least severe level to print, from {@code agent.log=}
 */
record CommandLine(List<String> moduleGroups, String channel, Console.Level logLevel) {
  private static final String LOG = "agent.log=";

  static CommandLine read() {
    return parse(FileContent.readString("/proc/cmdline", 64 * 1024));
  }

  /** Parses {@code /proc/cmdline}; the last one of equal parameters counts. */
  static CommandLine parse(String text) {
    List<String> groups = List.of();
    String channel = GuestContract.SERIAL_CHANNEL;
    Console.Level level = Console.Level.WARN;
    for (String word : Text.split(text.strip(), ' ')) {
      if (word.startsWith(GuestContract.MODULES_PARAMETER)) {
        groups = Text.split(word.substring(GuestContract.MODULES_PARAMETER.length()), ',');
      } else if (word.startsWith(GuestContract.CHANNEL_PARAMETER)) {
        channel = word.substring(GuestContract.CHANNEL_PARAMETER.length());
      } else if (word.startsWith(LOG)) {
        level = Console.Level.parse(word.substring(LOG.length()));
      }
    }
    return new CommandLine(groups, channel, level);
  }
}
