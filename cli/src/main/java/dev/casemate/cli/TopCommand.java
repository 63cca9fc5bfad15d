package dev.casemate.cli;

import dev.casemate.base.Json;
import dev.casemate.base.PlainText;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.commandline.Sizes;
import dev.casemate.commandline.Table;
import dev.casemate.containers.ContainerRecord;
import dev.casemate.containers.ContainerStore;
import dev.casemate.containers.SandboxClient;
import dev.casemate.sandbox.SandboxPaths;
import java.util.List;

/** {@code casemate top}: the processes of a container as the guest's kernel has them. */
final class TopCommand implements Command {
  @Override
  public String name() {
    return "top";
  }

  @Override
  public String usage() {
    return "CONTAINER";
  }

  @Override
  public String summary() {
    return "list the processes of a container (pids are the guest's)";
  }

  @Override
  public List<Option> options() {
    return List.of(Option.value("format", '\0', "table|json", "output format"));
  }

  @Override
  public int run(Arguments arguments) {
    ContainerStore store = new ContainerStore(SandboxPaths.system());
    ContainerRecord record = store.find(arguments.operand("CONTAINER"));
    ExecCommand.requireRunning(record);
    Json processes;
    try (SandboxClient client = SandboxClient.connect(store.paths(), record.config().id())) {
      processes = client.processes();
    }
    if (Formats.json(arguments)) {
      Console.out(processes.pretty());
      return 0;
    }
    Table table = new Table("PID", "PPID", "USER", "CPU", "RSS", "STAT", "COMMAND");
    for (Json.Obj process : new Json.Obj().put("all", processes).objects("all")) {
      table.row(
          Long.toString(process.integer("pid", 0)),
          Long.toString(process.integer("ppid", 0)),
          PlainText.line(process.string("user", Long.toString(process.integer("uid", 0))), 20),
          cpuTime(process.integer("cpuMillis", 0)),
          Sizes.format(process.integer("rssBytes", 0)),
          PlainText.line(process.string("stat"), 8),
          PlainText.line(process.string("command"), 200));
    }
    Console.out(table.text());
    return 0;
  }

  private static String cpuTime(long millis) {
    long seconds = millis / 1000;
    String minutes = Long.toString(seconds / 60);
    String rest = Long.toString(100 + seconds % 60).substring(1);
    return minutes + ":" + rest + "." + Long.toString(100 + millis % 1000 / 10).substring(1);
  }
}
