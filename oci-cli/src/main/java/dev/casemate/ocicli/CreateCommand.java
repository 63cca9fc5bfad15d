package dev.casemate.ocicli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Option;
import java.util.List;
import java.util.Optional;

final class CreateCommand implements Command {
  @Override
  public String name() {
    return "create";
  }

  @Override
  public String usage() {
    return "ID";
  }

  @Override
  public String summary() {
    return "create a container; its process waits for start";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Making.BUNDLE,
        Making.CONSOLE_SOCKET,
        Making.PIDFD_SOCKET,
        Making.PID_FILE,
        Making.NO_PIVOT,
        Making.NO_NEW_KEYRING,
        Making.PRESERVE_FDS);
  }

  @Override
  public int run(Arguments arguments, Session session) {
    Engine.Creation creation = Making.creation(name(), arguments, session);
    Optional<String> console = arguments.last("console-socket").filter(s -> !s.isEmpty());
    Making.checkTerminal(creation.spec().process(), true, console);
    boolean done = false;
    try (Engine.Running process = session.engine().create(creation)) {
      try {
        Making.warn(session, process.warnings());
        Making.sendConsole(console, process);
        Making.sendPidfd(arguments, process);
        Making.writePid(arguments.last("pid-file"), process.pid());
        done = true;
      } finally {
        if (!done) {
          Making.undo(session, creation.id());
        }
      }
    }
    return 0;
  }
}
