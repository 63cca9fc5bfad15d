package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.containers.ContainerRecord;
import dev.casemate.containers.ContainerStore;
import dev.casemate.containers.SandboxClient;
import dev.casemate.sandbox.SandboxPaths;
import java.util.List;

/** {@code casemate wait}: waits until containers have ended and prints their exit statuses. */
final class WaitCommand implements Command {
  private static final int GONE_TIMEOUT_MILLIS = 20_000;

  @Override
  public String name() {
    return "wait";
  }

  @Override
  public String usage() {
    return "CONTAINER…";
  }

  @Override
  public String summary() {
    return "wait for containers to end and print their exit statuses";
  }

  @Override
  public List<Option> options() {
    return List.of();
  }

  @Override
  public int run(Arguments arguments) {
    ContainerStore store = new ContainerStore(SandboxPaths.system());
    return EachContainer.run(
        arguments, reference -> Console.outLine(Integer.toString(await(store, reference))));
  }

  private static int await(ContainerStore store, String reference) {
    ContainerRecord record = store.find(reference);
    if (!record.state().alive()) {
      return record.state().exitCode();
    }
    try (SandboxClient client = SandboxClient.connect(store.paths(), record.config().id())) {
      int status = client.await("");
      if (record.config().autoRemove()) {
        // Its name is free again when we return.
        client.awaitGone(GONE_TIMEOUT_MILLIS);
      }
      return status;
    } catch (CasemateException e) {
      // It ended meanwhile: its record knows, unless --rm took that away, too.
      return store
          .load(record.config().id())
          .filter(now -> !now.state().alive())
          .map(now -> now.state().exitCode())
          .orElseThrow(
              () ->
                  CasemateException.of(
                      Kind.UNAVAILABLE,
                      "container " + reference + " ended, but its exit status is lost",
                      e));
    }
  }
}
