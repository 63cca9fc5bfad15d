package dev.casemate.ocicli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Option;
import java.util.List;

final class DeleteCommand implements Command {

  @Override
  public String name() {
    return "delete";
  }

  @Override
  public String usage() {
    return "ID";
  }

  @Override
  public String summary() {
    return "remove a stopped container";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.flag("force", 'f', "kill it first; ignore a container that does not exist"));
  }

  @Override
  public int run(Arguments arguments, Session session) {
    String id = Ids.check(arguments.operands(name(), 1, 1).getFirst());
    session.engine().delete(id, arguments.has("force"));
    return 0;
  }
}
