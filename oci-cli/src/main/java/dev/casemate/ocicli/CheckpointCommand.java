package dev.casemate.ocicli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Option;
import java.util.List;

final class CheckpointCommand implements Command {
  @Override
  public String name() {
    return "checkpoint";
  }

  @Override
  public String usage() {
    return "ID";
  }

  @Override
  public String summary() {
    return "write a running container's processes to files and stop it (takes criu)";
  }

  @Override
  public List<Option> options() {
    return List.of(
        CriuFlags.IMAGES,
        CriuFlags.WORK,
        Option.value(
            "parent-path", "DIR", "images of an earlier --pre-dump, relative to --image-path"),
        Option.flag("leave-running", "do not stop it"),
        Option.flag("pre-dump", "write its memory alone; it goes on"),
        CriuFlags.TCP,
        CriuFlags.UNIX,
        CriuFlags.SHELL_JOB,
        CriuFlags.FILE_LOCKS,
        CriuFlags.CGROUPS,
        CriuFlags.EMPTY,
        CriuFlags.AUTO_DEDUP,
        Option.flag("lazy-pages", "refused"),
        Option.value("status-fd", "FD", "refused, as --lazy-pages is"),
        Option.value("page-server", "ADDRESS:PORT", "refused"));
  }

  @Override
  public int run(Arguments arguments, Session session) {
    String id = Ids.check(arguments.operands(name(), 1, 1).getFirst());
    CriuFlags.refuse(arguments, "lazy-pages", "status-fd", "page-server");
    session.engine().checkpoint(id, CriuFlags.parse(arguments, session));
    return 0;
  }
}
