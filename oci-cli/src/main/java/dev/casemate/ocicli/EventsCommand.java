package dev.casemate.ocicli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.commandline.Sizes;
import dev.casemate.commandline.UsageException;
import dev.casemate.linux.Poll;
import java.util.List;

final class EventsCommand implements Command {
  @Override
  public String name() {
    return "events";
  }

  @Override
  public String usage() {
    return "ID";
  }

  @Override
  public String summary() {
    return "print statistics and out-of-memory events of a container, one JSON object per line";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.flag("stats", "print statistics once and exit"),
        Option.value("interval", "DURATION", "interval between statistics (default: 5s)"));
  }

  @Override
  public int run(Arguments arguments, Session session) {
    String id = Ids.check(arguments.operands(name(), 1, 1).getFirst());
    String interval = arguments.last("interval", "5s");
    int intervalMillis =
        Sizes.millis(interval)
            .orElseThrow(
                () ->
                    UsageException.ofValue("interval", interval, "a duration such as 5s or 500ms"));
    Engine engine = session.engine();
    if (engine.info(id).status() == Engine.Status.STOPPED) {
      throw CasemateException.of(
          CasemateException.Kind.FAILED_PRECONDITION,
          "container with id " + id + " is not running; start it first");
    }
    if (arguments.has("stats")) {
      print(id, "stats", engine.statistics(id));
      return 0;
    }
    long kills = engine.outOfMemoryKills(id);
    while (true) {
      Poll.await(new int[0], new int[0], intervalMillis);
      try {
        if (engine.info(id).status() == Engine.Status.STOPPED) {
          return 0;
        }
        long now = engine.outOfMemoryKills(id);
        if (now > kills) {
          print(id, "oom", null);
        }
        kills = now;
        print(id, "stats", engine.statistics(id));
      } catch (CasemateException e) {
        if (e.kind() == CasemateException.Kind.NOT_FOUND) {
          return 0;
        }
        throw e;
      }
    }
  }

  private static void print(
      String id, String type, Json.@org.jspecify.annotations.Nullable Obj data) {
    Json.Obj event = new Json.Obj().put("type", type).put("id", id);
    if (data != null) {
      event.put("data", data);
    }
    Console.out(event.text() + "\n");
  }
}
