package dev.casemate.ocicli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Option;
import java.util.List;

final class PauseCommand implements Command {

  @Override
  public String name() {
    return "pause";
  }

  @Override
  public String usage() {
    return "ID";
  }

  @Override
  public String summary() {
    return "pause all processes of a container";
  }

  @Override
  public List<Option> options() {
    return List.of();
  }

  @Override
  public int run(Arguments arguments, Session session) {
    session.engine().pause(Ids.check(arguments.operands(name(), 1, 1).getFirst()));
    return 0;
  }
}
