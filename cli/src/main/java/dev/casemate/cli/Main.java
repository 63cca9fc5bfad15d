package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Dialect;
import dev.casemate.commandline.HelpText;
import dev.casemate.commandline.UsageException;
import dev.casemate.linux.Errno;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Signals;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.rpc.RpcException;
import java.util.List;

/** {@code casemate}: finds the command, runs it, and says in one line what went wrong. */
public final class Main {
  /** Docker's exit status for an error of the engine, as opposed to one of the workload. */
  private static final int ENGINE_ERROR = 125;

  private Main() {}

  /** Runs a command line without the program's name; returns the process's exit status. */
  public static int run(List<String> words) {
    Signals.ignore(Signals.PIPE);
    if (words.isEmpty() || words.getFirst().equals("--help") || words.getFirst().equals("-h")) {
      Console.out(Commands.help());
      return words.isEmpty() ? 2 : 0;
    }
    String name = words.getFirst();
    if (name.equals("help")) {
      return words.size() == 1 ? run(List.of("--help")) : run(List.of(words.get(1), "--help"));
    }
    if (name.equals("--version") || name.equals("-v")) {
      name = "version";
    }
    Command command = Commands.find(name);
    if (command == null) {
      Console.errLine(
          "casemate: unknown command \"" + name + "\"; list the commands with: casemate --help");
      return 2;
    }
    boolean workload = command.name().equals("run") || command.name().equals("exec");
    try {
      List<String> rest = words.subList(1, words.size());
      if (command.isHelpRequest(rest, Dialect.GNU)) {
        Console.out(HelpText.of("casemate", command));
        return 0;
      }
      return command.run(parse(command, rest));
    } catch (UsageException e) {
      Console.trace(e);
      Console.errLine("casemate: " + e.getMessage());
      return exitStatus(Kind.INVALID_ARGUMENT, workload);
    } catch (CasemateException e) {
      Console.trace(e);
      Console.errLine("casemate: " + e.getMessage());
      return exitStatus(e.kind(), workload);
    } catch (MalformedMessageException e) {
      Console.trace(e);
      Console.errLine("casemate: malformed response: " + e.getMessage());
      return workload ? ENGINE_ERROR : 1;
    } catch (RpcException e) {
      Console.trace(e);
      Console.errLine("casemate: " + e.text());
      return workload ? ENGINE_ERROR : 1;
    } catch (LinuxException e) {
      Console.trace(e);
      String remedy = e.errno() == Errno.EACCES || e.errno() == Errno.EPERM ? "; run as root" : "";
      Console.errLine("casemate: " + e.getMessage() + remedy);
      return workload ? ENGINE_ERROR : 1;
    } catch (RuntimeException e) {
      // Left to the virtual machine, it would reach the terminal as it is.
      Console.trace(e);
      Console.errLine("casemate: internal error: " + e);
      return workload ? ENGINE_ERROR : 1;
    }
  }

  private static Arguments parse(Command command, List<String> words) {
    try {
      return Arguments.parse(Dialect.GNU, command, words);
    } catch (UsageException e) {
      throw new UsageException(e.getMessage() + "; see: casemate " + command.name() + " --help");
    }
  }

  private static int exitStatus(Kind kind, boolean workload) {
    if (!workload) {
      return 1;
    }
    return switch (kind) {
      case COMMAND_NOT_FOUND -> 127;
      case COMMAND_NOT_EXECUTABLE -> 126;
      default -> ENGINE_ERROR;
    };
  }
}
