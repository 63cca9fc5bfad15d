package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.containers.ContainerRecord;
import dev.casemate.containers.ContainerStore;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.sandbox.SandboxPaths;
import java.util.List;

/** {@code casemate rm}: forgets containers. */
final class RmCommand implements Command {
  @Override
  public String name() {
    return "rm";
  }

  @Override
  public String usage() {
    return "CONTAINER…";
  }

  @Override
  public String summary() {
    return "remove containers";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.flag(
            "force", 'f', "kill running containers first; ignore containers that do not exist"));
  }

  @Override
  public int run(Arguments arguments) {
    boolean force = arguments.has("force");
    ContainerStore store = new ContainerStore(SandboxPaths.system());
    return EachContainer.run(
        arguments,
        reference -> {
          try {
            remove(store, store.find(reference), force);
            Console.outLine(reference);
          } catch (CasemateException e) {
            if (!force || e.kind() != Kind.NOT_FOUND) {
              throw e;
            }
          }
        });
  }

  private static void remove(ContainerStore store, ContainerRecord record, boolean force) {
    if (record.state().alive()) {
      if (!force) {
        throw CasemateException.of(
            Kind.FAILED_PRECONDITION,
            "container "
                + record.config().name()
                + " is "
                + record.state().phase().text()
                + "; stop it first, or use: casemate rm -f "
                + record.config().name());
      }
      try {
        StopCommand.stop(store, record, Signals.KILL, 0);
      } catch (CasemateException e) {
        // A sandbox process that is stuck: its lock goes with it, and the store cleans up.
        if (record.state().pid() > 0 && store.isOwned(record.config().id())) {
          Processes.killIfExists(record.state().pid(), Signals.KILL);
        }
      }
    }
    // With --rm it may be gone by now.
    store.load(record.config().id()).ifPresent(store::remove);
  }
}
