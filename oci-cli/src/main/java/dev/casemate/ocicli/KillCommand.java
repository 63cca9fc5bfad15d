package dev.casemate.ocicli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Option;
import dev.casemate.linux.Signals;
import java.util.List;

final class KillCommand implements Command {

  @Override
  public String name() {
    return "kill";
  }

  @Override
  public String usage() {
    return "ID [SIGNAL]";
  }

  @Override
  public String summary() {
    return "send a signal (default: TERM) to the process of a container";
  }

  @Override
  public List<Option> options() {
    return List.of(Option.flag("all", 'a', "send the signal to all processes of the container"));
  }

  @Override
  public int run(Arguments arguments, Session session) {
    List<String> operands = arguments.operands(name(), 1, 2);
    String id = Ids.check(operands.getFirst());
    String name = operands.size() > 1 ? operands.get(1) : "TERM";
    int signal = Signals.number(name);
    if (signal < 0) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "unknown signal \"" + name + "\"; give a name such as TERM or a number from 0 to 64");
    }
    session.engine().kill(id, signal, arguments.has("all"));
    return 0;
  }
}
