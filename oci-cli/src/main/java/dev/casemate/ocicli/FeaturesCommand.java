package dev.casemate.ocicli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import java.util.List;

final class FeaturesCommand implements Command {

  @Override
  public String name() {
    return "features";
  }

  @Override
  public String usage() {
    return "";
  }

  @Override
  public String summary() {
    return "print the features of this runtime as JSON";
  }

  @Override
  public List<Option> options() {
    return List.of();
  }

  @Override
  public int run(Arguments arguments, Session session) {
    arguments.operands(name(), 0, 0);
    Console.out(session.engine().features().pretty());
    return 0;
  }
}
