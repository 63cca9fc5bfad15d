package dev.casemate.ocicli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.base.PlainText;
import dev.casemate.base.Rfc3339;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.commandline.UsageException;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.Text;
import dev.casemate.oci.DefaultSpec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

final class PsCommand implements Command {
  private static final int TICKS_A_SECOND = 100;
  private static final int OUTPUT_LIMIT = 64 << 20;

  @Override
  public String name() {
    return "ps";
  }

  @Override
  public String usage() {
    return "ID [OPTION OF ps]…";
  }

  @Override
  public String summary() {
    return "show the processes of a container";
  }

  @Override
  public boolean interspersed() {
    return false;
  }

  @Override
  public List<Option> options() {
    return List.of(Option.value("format", 'f', "table|json", "output format"));
  }

  @Override
  public int run(Arguments arguments, Session session) {
    List<String> operands = arguments.operands(name(), 1, Integer.MAX_VALUE);
    String id = Ids.check(operands.getFirst());
    String format = arguments.last("format", "table");
    if (!format.equals("table") && !format.equals("json")) {
      throw UsageException.ofValue("format", format, "table or json");
    }
    List<Engine.ProcessLine> processes = session.engine().processes(id);
    if (format.equals("json")) {
      List<Json> pids = new ArrayList<>();
      for (Engine.ProcessLine process : processes) {
        pids.add(Json.Num.of(process.pid()));
      }
      Console.out((pids.isEmpty() ? "null" : new Json.Arr(pids).text()) + "\n");
    } else if (operands.size() > 1) {
      Console.out(chosen(operands.subList(1, operands.size()), processes));
    } else {
      Console.out(table(processes));
    }
    return 0;
  }

  /** The lines of {@code ps -ef}, without starting it. */
  private static String table(List<Engine.ProcessLine> processes) {
    Users users = new Users();
    long bootSeconds = bootTime();
    StringBuilder text = new StringBuilder();
    line(text, "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD");
    for (Engine.ProcessLine process : processes) {
      String started = Rfc3339.seconds(bootSeconds + process.startTicks() / TICKS_A_SECOND);
      line(
          text,
          users.name(process.uid()),
          Integer.toString(process.pid()),
          Integer.toString(process.ppid()),
          "0",
          started.substring(11, 16),
          terminal(process.tty()),
          duration(process.cpuTicks() / TICKS_A_SECOND),
          process.commandLine());
    }
    return text.toString();
  }

  private static void line(StringBuilder text, String... cells) {
    left(text, cells[0], 8);
    right(text, cells[1], 8);
    right(text, cells[2], 8);
    right(text, cells[3], 3);
    text.append(' ');
    left(text, cells[4], 5);
    text.append(' ');
    left(text, cells[5], 8);
    right(text, cells[6], 9);
    text.append(' ').append(PlainText.line(cells[7])).append('\n');
  }

  private static void left(StringBuilder text, String cell, int width) {
    text.append(PlainText.line(cell)).repeat(' ', Math.max(0, width - cell.length()));
  }

  private static void right(StringBuilder text, String cell, int width) {
    text.repeat(' ', Math.max(1, width - cell.length())).append(cell);
  }

  private static String terminal(int device) {
    int major = (device >> 8) & 0xfff;
    int minor = (device & 0xff) | ((device >> 12) & 0xfff00);
    if (major >= 136 && major <= 143) {
      return "pts/" + ((major - 136) * 256 + minor);
    }
    return device == 0 ? "?" : major == 4 ? "tty" + minor : major + ":" + minor;
  }

  private static String duration(long seconds) {
    return Rfc3339.seconds(seconds % 86_400).substring(11, 19);
  }

  private static long bootTime() {
    for (String line : Text.split(FileContent.readString("/proc/stat", OUTPUT_LIMIT), '\n')) {
      if (line.startsWith("btime ")) {
        return Long.parseLong(line.substring(6));
      }
    }
    return 0;
  }

  /** The host's ps with the options given, cut down to the container's processes. */
  private static String chosen(List<String> options, List<Engine.ProcessLine> processes) {
    String path = System.getenv("PATH");
    String program = Spawn.find("ps", path == null ? DefaultSpec.PATH : path);
    if (program.isEmpty()) {
      throw CasemateException.of(
          Kind.NOT_FOUND, "options for ps need ps, which is not in $PATH; install procps");
    }
    List<String> words = new ArrayList<>(List.of("ps"));
    words.addAll(options);
    String output;
    try (Pipe pipe = Pipe.open();
        Fd nothing = Fs.open("/dev/null", 0)) {
      int pid = Spawn.program(program, words).stdio(nothing, pipe.write(), Fd.STDERR).start();
      pipe.write().close();
      output =
          new String(
              FileContent.readBytes(pipe.read(), "output of ps", OUTPUT_LIMIT),
              StandardCharsets.UTF_8);
      int status = Processes.waitFor(pid, 0).orElseThrow().exitStatus();
      if (status != 0) {
        throw CasemateException.of(Kind.INVALID_ARGUMENT, "ps ended with exit status " + status);
      }
    } catch (LinuxException e) {
      throw CasemateException.of(Kind.INTERNAL, "running ps: " + e.getMessage(), e);
    }
    return filter(output, processes);
  }

  static String filter(String output, List<Engine.ProcessLine> processes) {
    List<String> lines = Text.split(output, '\n');
    int column = lines.isEmpty() ? -1 : Text.split(lines.getFirst(), ' ').indexOf("PID");
    if (column < 0) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT, "ps prints no column PID; choose options that show it");
    }
    StringBuilder text = new StringBuilder(lines.getFirst()).append('\n');
    for (String line : lines.subList(1, lines.size())) {
      List<String> cells = Text.split(line, ' ');
      for (Engine.ProcessLine process : processes) {
        if (cells.size() > column && cells.get(column).equals(Integer.toString(process.pid()))) {
          text.append(line).append('\n');
        }
      }
    }
    return text.toString();
  }
}
