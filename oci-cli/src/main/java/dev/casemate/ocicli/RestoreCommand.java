package dev.casemate.ocicli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Option;
import dev.casemate.oci.CriuOptions;
import java.util.List;
import java.util.Optional;

final class RestoreCommand implements Command {
  @Override
  public String name() {
    return "restore";
  }

  @Override
  public String usage() {
    return "ID";
  }

  @Override
  public String summary() {
    return "restore a container from a checkpoint (requires criu)";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Making.BUNDLE,
        CriuFlags.IMAGES,
        CriuFlags.WORK,
        Making.PID_FILE,
        Option.flag("detach", 'd', "do not wait; the container remains until delete"),
        CriuFlags.TCP,
        CriuFlags.UNIX,
        CriuFlags.SHELL_JOB,
        CriuFlags.FILE_LOCKS,
        CriuFlags.CGROUPS,
        CriuFlags.EMPTY,
        CriuFlags.AUTO_DEDUP,
        Option.value("lsm-profile", "TYPE:NAME", "AppArmor or SELinux label of its processes"),
        Option.value("lsm-mount-context", "LABEL", "SELinux label of its mounts"),
        Making.CONSOLE_SOCKET,
        Option.flag("no-pivot", "accepted, but has no effect"),
        Option.flag("no-subreaper", "accepted, but has no effect"),
        Option.flag("lazy-pages", "not supported"));
  }

  @Override
  public int run(Arguments arguments, Session session) {
    CriuFlags.refuse(arguments, "lazy-pages");
    Engine.Creation creation = Making.creation(name(), arguments, session);
    boolean detach = arguments.has("detach");
    Optional<String> console = arguments.last("console-socket").filter(s -> !s.isEmpty());
    Making.checkTerminal(creation.spec().process(), detach, console);
    CriuOptions options = CriuFlags.parse(arguments, session);
    Engine engine = session.engine();
    boolean remove = true;
    try (Foreground foreground = detach ? null : Foreground.prepare();
        Engine.Running process = engine.restore(creation, options)) {
      try {
        Making.warn(session, process.warnings());
        Making.sendConsole(console, process);
        Making.writePid(arguments.last("pid-file"), process.pid());
        int status = foreground == null ? 0 : foreground.follow(process);
        remove = !detach;
        return status;
      } finally {
        if (remove) {
          Making.undo(session, creation.id());
        }
      }
    }
  }
}
