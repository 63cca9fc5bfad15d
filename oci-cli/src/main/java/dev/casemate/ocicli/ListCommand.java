package dev.casemate.ocicli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.commandline.Table;
import dev.casemate.commandline.UsageException;
import dev.casemate.linux.Fs;
import java.util.ArrayList;
import java.util.List;

final class ListCommand implements Command {
  /** Characters, as runc prints its columns. */
  private static final int MINIMUM_WIDTH = 12;

  @Override
  public String name() {
    return "list";
  }

  @Override
  public String usage() {
    return "";
  }

  @Override
  public String summary() {
    return "list the containers below --root";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.value("format", 'f', "table|json", "output format"),
        Option.flag("quiet", 'q', "print ids only"));
  }

  @Override
  public int run(Arguments arguments, Session session) {
    arguments.operands(name(), 0, 0);
    String format = arguments.last("format", "table");
    if (!format.equals("table") && !format.equals("json")) {
      throw UsageException.ofValue("format", format, "table or json");
    }
    checkRoot(session);
    List<Engine.Info> containers = session.engine().list();
    if (arguments.has("quiet")) {
      StringBuilder ids = new StringBuilder();
      for (Engine.Info info : containers) {
        ids.append(info.id()).append('\n');
      }
      Console.out(ids.toString());
      return 0;
    }
    Users users = new Users();
    if (format.equals("json")) {
      List<Json> listed = new ArrayList<>();
      for (Engine.Info info : containers) {
        listed.add(InfoJson.listed(info, users.name(info.uid())));
      }
      Console.out((listed.isEmpty() ? "null" : new Json.Arr(listed).text()) + "\n");
      return 0;
    }
    Table table = new Table(MINIMUM_WIDTH, "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER");
    for (Engine.Info info : containers) {
      table.row(
          info.id(),
          Integer.toString(info.pid()),
          info.status().toString(),
          info.bundle(),
          info.created(),
          users.name(info.uid()));
    }
    Console.out(table.text());
    return 0;
  }

  /** The default is made with the first container; another one may be mistyped. */
  private static void checkRoot(Session session) {
    if (session.ownRoot() && !Fs.exists(session.root())) {
      throw CasemateException.of(
          Kind.NOT_FOUND, "--root " + session.root() + ": no such file or directory; correct it");
    }
  }
}
