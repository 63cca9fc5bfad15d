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
    return "checkpoint a running container to files and stop it (requires criu)";
  }

  @Override
  public List<Option> options() {
    return List.of(
        CriuFlags.IMAGES,
        CriuFlags.WORK,
        Option.value(
            "parent-path", "DIR", "images of an earlier --pre-dump, relative to --image-path"),
        Option.flag("leave-running", "leave the container running"),
        Option.flag("pre-dump", "dump only its memory and leave it running"),
        CriuFlags.TCP,
        CriuFlags.UNIX,
        CriuFlags.SHELL_JOB,
        CriuFlags.FILE_LOCKS,
        CriuFlags.CGROUPS,
        CriuFlags.EMPTY,
        CriuFlags.AUTO_DEDUP,
        Option.flag("lazy-pages", "not supported"),
        Option.value("status-fd", "FD", "not supported"),
        Option.value("page-server", "ADDRESS:PORT", "not supported"));
  }

  @Override
  public int run(Arguments arguments, Session session) {
    String id = Ids.check(arguments.operands(name(), 1, 1).getFirst());
    CriuFlags.refuse(arguments, "lazy-pages", "status-fd", "page-server");
    session.engine().checkpoint(id, CriuFlags.parse(arguments, session));
    return 0;
  }
}
