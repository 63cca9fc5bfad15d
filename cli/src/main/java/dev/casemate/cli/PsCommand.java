package dev.casemate.cli;

import dev.casemate.base.Json;
import dev.casemate.base.PlainText;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.commandline.Table;
import dev.casemate.containers.ContainerConfig;
import dev.casemate.containers.ContainerRecord;
import dev.casemate.containers.ContainerState;
import dev.casemate.containers.ContainerStore;
import dev.casemate.sandbox.SandboxPaths;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** {@code casemate ps}: the containers of this machine. */
final class PsCommand implements Command {
  @Override
  public String name() {
    return "ps";
  }

  @Override
  public String usage() {
    return "";
  }

  @Override
  public String summary() {
    return "list containers";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.flag("all", 'a', "include containers that have ended"),
        Option.flag("quiet", 'q', "print ids only"),
        Option.flag("no-trunc", '\0', "do not shorten ids and commands"),
        Option.value("format", '\0', "table|json", "output format"));
  }

  @Override
  public int run(Arguments arguments) {
    List<ContainerRecord> records = new ArrayList<>();
    SandboxPaths paths = SandboxPaths.system();
    for (ContainerRecord record : new ContainerStore(paths).list()) {
      if (arguments.has("all") || record.state().alive()) {
        records.add(record);
      }
    }
    records.sort(
        Comparator.comparingLong((ContainerRecord r) -> r.config().createdMillis()).reversed());
    if (Formats.json(arguments)) {
      List<Json> values = new ArrayList<>();
      for (ContainerRecord record : records) {
        values.add(InspectCommand.describe(paths, record));
      }
      Console.out(new Json.Arr(values).pretty());
    } else if (arguments.has("quiet")) {
      for (ContainerRecord record : records) {
        Console.outLine(
            arguments.has("no-trunc") ? record.config().id() : record.config().shortId());
      }
    } else {
      Console.out(table(paths, records, arguments.has("no-trunc"), System.currentTimeMillis()));
    }
    return 0;
  }

  /**
   * @param whole whether ids and commands are not shortened
   * @param now wall clock, in milliseconds
   */
  static String table(SandboxPaths paths, List<ContainerRecord> records, boolean whole, long now) {
    Table table =
        new Table("CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAME");
    for (ContainerRecord record : records) {
      ContainerConfig config = record.config();
      table.row(
          whole ? config.id() : config.shortId(),
          PlainText.line(config.image(), whole ? 1000 : 40),
          "\"" + PlainText.line(String.join(" ", config.command()), whole ? 10_000 : 24) + "\"",
          Ages.of(now - config.createdMillis()) + " ago",
          status(record.state(), now),
          PublishedPorts.text(PublishedPorts.of(paths, record)),
          config.name());
    }
    return table.text();
  }

  private static String status(ContainerState state, long now) {
    return switch (state.phase()) {
      case CREATED -> "Created";
      case RUNNING -> "Up " + Ages.of(now - state.startedMillis());
      case PAUSED -> "Up " + Ages.of(now - state.startedMillis()) + " (Paused)";
      case EXITED ->
          "Exited (" + state.exitCode() + ") " + Ages.of(now - state.finishedMillis()) + " ago";
    };
  }
}
