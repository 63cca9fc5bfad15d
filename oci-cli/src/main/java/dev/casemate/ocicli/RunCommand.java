package dev.casemate.ocicli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Option;
import java.util.List;
import java.util.Optional;

final class RunCommand implements Command {
  @Override
  public String name() {
    return "run";
  }

  @Override
  public String usage() {
    return "ID";
  }

  @Override
  public String summary() {
    return "create and start a container, wait for it to exit and remove it";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Making.BUNDLE,
        Making.CONSOLE_SOCKET,
        Making.PIDFD_SOCKET,
        Making.PID_FILE,
        Option.flag("detach", 'd', "do not wait; the container remains until delete"),
        Option.flag("keep", "do not remove the container after it exits"),
        Option.flag("no-subreaper", "accepted, but has no effect"),
        Making.NO_PIVOT,
        Making.NO_NEW_KEYRING,
        Making.PRESERVE_FDS);
  }

  @Override
  public int run(Arguments arguments, Session session) {
    Engine.Creation creation = Making.creation(name(), arguments, session);
    boolean detach = arguments.has("detach");
    Optional<String> console = arguments.last("console-socket").filter(s -> !s.isEmpty());
    Making.checkTerminal(creation.spec().process(), detach, console);
    if (!detach) {
      creation = creation.inForeground();
    }
    Engine engine = session.engine();
    boolean remove = true;
    try (Foreground foreground = detach ? null : Foreground.prepare();
        Engine.Running process = engine.create(creation)) {
      try {
        Making.warn(session, process.warnings());
        Making.sendConsole(console, process);
        Making.sendPidfd(arguments, process);
        engine.start(creation.id());
        Making.writePid(arguments.last("pid-file"), process.pid());
        int status = foreground == null ? 0 : foreground.follow(process);
        remove = !detach && !arguments.has("keep");
        return status;
      } finally {
        if (remove) {
          Making.undo(session, creation.id());
        }
      }
    }
  }
}
