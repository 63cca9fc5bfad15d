package dev.casemate.ocicli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.PlainText;
import dev.casemate.base.Release;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Dialect;
import dev.casemate.commandline.HelpText;
import dev.casemate.commandline.Option;
import dev.casemate.commandline.UsageException;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.oci.DefaultSpec;
import java.util.List;

/**
 * The OCI runtime command line (runc's): global options, a command, its options and operands. What
 * executes it is an {@link Engine}.
 */
public final class CommandLine {
  private static final int UNKNOWN_COMMAND = 3;
  private static final List<Option> OPTIONS =
      List.of(
          Option.value("root", "DIR", "directory for the state of containers"),
          Option.value("log", "FILE", "write the log to a file instead of standard error"),
          Option.value("log-format", "text|json", "format of the log"),
          Option.flag("debug", "enable debug logging"),
          Option.flag("systemd-cgroup", "create control groups through systemd"),
          Option.value(
              "rootless", "auto|true|false", "ignore errors of permission on control groups"),
          Option.value("criu", "FILE", "ignored, as runc does: criu is taken from $PATH"),
          Option.flag("version", 'v', "print the version"),
          Option.flag("help", 'h', "print this help"));

  private CommandLine() {}

  /**
   * Runs a command line.
   *
   * @param program the program's name in messages, and that of its default root
   * @param words without the program's name
   * @return the process's exit status
   */
  public static int run(String program, List<String> words, Session.Engines engines) {
    Signals.ignore(Signals.PIPE);
    int count = globalWords(words);
    Log log = Log.standardError(Log.Format.TEXT, false);
    int failure = 1;
    Command command = null;
    try {
      Arguments global = Arguments.parse(Dialect.GO, OPTIONS, true, words.subList(0, count));
      log = log(global);
      List<String> rest = words.subList(count, words.size());
      if (global.has("version")) {
        Console.out(
            program + " version " + Release.VERSION + "\nspec: " + DefaultSpec.OCI_VERSION + "\n");
        return 0;
      }
      boolean help =
          !rest.isEmpty() && (rest.getFirst().equals("help") || rest.getFirst().equals("h"));
      if (rest.isEmpty() || global.has("help") || (help && rest.size() == 1)) {
        Console.out(Commands.help(program, OPTIONS));
        return 0;
      }
      String name = help ? rest.get(1) : rest.getFirst();
      command = Commands.find(name);
      if (command == null) {
        return fail(
            log,
            program,
            "No help topic for '"
                + name
                + "': there is no such command; list them with: "
                + program
                + " --help",
            UNKNOWN_COMMAND);
      }
      failure = command.failure();
      List<String> own = rest.subList(1, rest.size());
      if (help || command.isHelpRequest(own, Dialect.GO)) {
        Console.out(HelpText.of(program, command));
        return 0;
      }
      Arguments arguments = Arguments.parse(Dialect.GO, command, own);
      return command.run(arguments, session(program, global, log, engines));
    } catch (UsageException e) {
      if (command != null) {
        Console.out(HelpText.of(program, command));
        return fail(log, program, command.name() + ": " + e.getMessage(), 1);
      }
      return fail(log, program, e.getMessage() + "; see: " + program + " --help", 1);
    } catch (CasemateException e) {
      Console.trace(e);
      return fail(log, program, String.valueOf(e.getMessage()), failure);
    } catch (LinuxException e) {
      Console.trace(e);
      return fail(log, program, String.valueOf(e.getMessage()), failure);
    }
  }

  /** How many words come before the command. */
  private static int globalWords(List<String> words) {
    int at = 0;
    while (at < words.size() && words.get(at).startsWith("-") && words.get(at).length() > 1) {
      String word = words.get(at++);
      if (word.equals("--")) {
        break;
      }
      String name = word.substring(word.startsWith("--") ? 2 : 1);
      for (Option option : OPTIONS) {
        if (option.name().equals(name) && !option.isSwitch()) {
          at++;
        }
      }
    }
    return Math.min(at, words.size());
  }

  private static Log log(Arguments global) {
    String name = global.last("log-format", "text");
    Log.Format format =
        switch (name) {
          case "text", "" -> Log.Format.TEXT;
          case "json" -> Log.Format.JSON;
          default -> throw UsageException.ofValue("log-format", name, "text or json");
        };
    String path = global.last("log", "");
    return path.isEmpty()
        ? Log.standardError(format, global.has("debug"))
        : Log.file(path, format, global.has("debug"));
  }

  private static Session session(
      String program, Arguments global, Log log, Session.Engines engines) {
    boolean root = Processes.effectiveUid() == 0;
    String rootless = global.last("rootless", "auto");
    boolean isRootless =
        switch (rootless) {
          case "auto" -> !root;
          case "true", "1" -> true;
          case "false", "0" -> false;
          default -> throw UsageException.ofValue("rootless", rootless, "auto, true or false");
        };
    String folder = global.last("root", "");
    if (folder.isEmpty()) {
      String runtimeDirectory = System.getenv("XDG_RUNTIME_DIR");
      folder =
          !root && runtimeDirectory != null && !runtimeDirectory.isEmpty()
              ? runtimeDirectory + "/" + program
              : "/run/" + program;
    }
    return new Session(
        program,
        Paths.absolute(folder),
        !global.last("root", "").isEmpty(),
        log,
        isRootless,
        global.has("systemd-cgroup"),
        engines);
  }

  private static int fail(Log log, String program, String whole, int status) {
    // The formats quote what a terminal would obey, but what is quoted may have megabytes.
    String message = PlainText.message(whole);
    log.error(message);
    if (!log.isStandardError()) {
      Console.errLine(program + ": " + message);
    }
    return status;
  }
}
