package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.base.Rfc3339;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.containers.ContainerConfig;
import dev.casemate.containers.ContainerRecord;
import dev.casemate.containers.ContainerState;
import dev.casemate.containers.ContainerStore;
import dev.casemate.containers.SandboxClient;
import dev.casemate.sandbox.SandboxPaths;
import java.util.ArrayList;
import java.util.List;

/** {@code casemate inspect}: all that is known of containers, as JSON. */
final class InspectCommand implements Command {
  @Override
  public String name() {
    return "inspect";
  }

  @Override
  public String usage() {
    return "CONTAINER…";
  }

  @Override
  public String summary() {
    return "print the details of containers as JSON";
  }

  @Override
  public List<Option> options() {
    return List.of();
  }

  @Override
  public int run(Arguments arguments) {
    ContainerStore store = new ContainerStore(SandboxPaths.system());
    List<Json> values = new ArrayList<>();
    for (String reference : arguments.operands("CONTAINER")) {
      ContainerRecord record = store.find(reference);
      Json.Obj json = describe(store.paths(), record);
      if (record.state().alive()) {
        try (SandboxClient client = SandboxClient.connect(store.paths(), record.config().id())) {
          json.put("sandbox", client.inspect());
        } catch (CasemateException e) {
          // It has ended since its record was read.
        }
      }
      values.add(json);
    }
    Console.out(new Json.Arr(values).pretty());
    return 0;
  }

  /** A container as {@code ps --format json} and {@code inspect} print it. */
  static Json.Obj describe(SandboxPaths paths, ContainerRecord record) {
    ContainerConfig config = record.config();
    ContainerState state = record.state();
    Json.Obj json = config.toJson();
    json.put("created", Rfc3339.millis(config.createdMillis()));
    json.put(
        "state",
        new Json.Obj()
            .put("status", state.phase().text())
            .put("pid", state.pid())
            .put("exitCode", state.exitCode())
            .put("error", state.error())
            .put("oomKilled", state.oomKilled())
            .put("started", state.startedMillis() == 0 ? "" : Rfc3339.millis(state.startedMillis()))
            .put(
                "finished",
                state.finishedMillis() == 0 ? "" : Rfc3339.millis(state.finishedMillis()))
            .put("address", state.address())
            .putObjects("ports", PublishedPorts.json(PublishedPorts.of(paths, record)))
            .put("timings", state.timings().toJson()));
    return json;
  }
}
