package dev.casemate.ocicli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import java.util.List;

final class StateCommand implements Command {

  @Override
  public String name() {
    return "state";
  }

  @Override
  public String usage() {
    return "ID";
  }

  @Override
  public String summary() {
    return "print the state of a container as JSON";
  }

  @Override
  public List<Option> options() {
    return List.of();
  }

  @Override
  public int run(Arguments arguments, Session session) {
    String id = Ids.check(arguments.operands(name(), 1, 1).getFirst());
    Console.out(InfoJson.state(session.engine().info(id)).pretty());
    return 0;
  }
}
