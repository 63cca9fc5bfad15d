package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Option;
import dev.casemate.commandline.UsageException;
import dev.casemate.containers.ContainerRecord;
import dev.casemate.containers.ContainerState.Phase;
import dev.casemate.containers.ContainerStore;
import dev.casemate.containers.SandboxClient;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Machine;
import dev.casemate.linux.Tty;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.Stdio;
import java.util.ArrayList;
import java.util.List;

/** {@code casemate exec}: one more process in a running container. */
final class ExecCommand implements Command {
  private static final int SPEC_LIMIT = 16 << 20;

  @Override
  public String name() {
    return "exec";
  }

  @Override
  public String usage() {
    return "CONTAINER COMMAND [ARGUMENT…]";
  }

  @Override
  public String summary() {
    return "run a command in a running container";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.flag("interactive", 'i', "pass standard input to the command"),
        Option.flag("tty", 't', "allocate a terminal for the command"),
        Option.flag("detach", 'd', "run the command in the background and print nothing"),
        Option.value("env", 'e', "NAME[=VALUE]", "set an environment variable"),
        Option.value("workdir", 'w', "DIR", "working directory in the container"),
        Option.value("user", 'u', "USER[:GROUP]", "run as this user"));
  }

  @Override
  public boolean interspersed() {
    return false;
  }

  @Override
  public int run(Arguments arguments) {
    List<String> words = arguments.operands("CONTAINER");
    if (words.size() < 2) {
      throw new UsageException("missing COMMAND after CONTAINER");
    }
    ContainerStore store = new ContainerStore(SandboxPaths.system());
    ContainerRecord record = store.find(words.getFirst());
    requireRunning(record);
    boolean terminal = arguments.has("tty");
    if (terminal && arguments.has("interactive") && !Tty.isTerminal(Fd.STDIN)) {
      throw new UsageException(
          "option -t requires a terminal, but standard input is not a terminal; omit -t");
    }
    Json.Obj process = process(store, record, arguments, words.subList(1, words.size()));
    String execId = "exec-" + Machine.randomHex(8);
    Streams.blockSignals();
    try (SandboxClient client = SandboxClient.connect(store.paths(), record.config().id())) {
      if (arguments.has("detach")) {
        client.exec(execId, Stdio.none(terminal), process);
        client.start(execId);
        return 0;
      }
      try (Streams streams =
          new Streams(
              store.paths().sandbox(record.config().id()),
              arguments.has("interactive"),
              terminal)) {
        streams.enterRawMode();
        return new Foreground(
                client,
                streams,
                execId,
                () -> {
                  client.exec(execId, streams.stdio(), process);
                  client.start(execId);
                })
            .run();
      } finally {
        forget(client, execId);
      }
    }
  }

  private static void forget(SandboxClient client, String execId) {
    try {
      client.delete(execId);
    } catch (CasemateException e) {
      // It never came to be, or its sandbox has ended: nothing to forget.
    }
  }

  static void requireRunning(ContainerRecord record) {
    if (record.state().phase() != Phase.RUNNING) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "container "
              + record.config().name()
              + " is "
              + record.state().phase().text()
              + ", not running"
              + (record.state().phase() == Phase.PAUSED
                  ? "; resume it with: casemate unpause " + record.config().name()
                  : ""));
    }
  }

  /** The container's own process with another command. */
  private static Json.Obj process(
      ContainerStore store, ContainerRecord record, Arguments arguments, List<String> command) {
    Json.Obj spec =
        Json.parseObject(
            FileContent.readString(
                store.paths().container(record.config().id()) + "/config.json", SPEC_LIMIT));
    Json.Obj process =
        spec.object("process")
            .orElseThrow(
                () ->
                    CasemateException.of(
                        Kind.CORRUPT,
                        "config.json of container " + record.config().name() + " has no process"));
    boolean terminal = arguments.has("tty");
    List<String> environment = new ArrayList<>(process.strings("env"));
    if (terminal) {
      environment.add("TERM=xterm");
    }
    for (String variable : arguments.all("env")) {
      int equals = variable.indexOf('=');
      String ours = equals < 0 ? System.getenv(variable) : "";
      if (equals > 0) {
        environment.add(variable);
      } else if (equals < 0 && ours != null) {
        environment.add(variable + "=" + ours);
      }
    }
    process
        .put("terminal", terminal)
        .putStrings("args", command)
        .putStrings("env", environment)
        .put("cwd", arguments.last("workdir", process.string("cwd", "/")));
    arguments.last("user").ifPresent(user -> process.put("user", user(user)));
    process.fields().remove("consoleSize");
    if (terminal) {
      RunWishes.consoleSize()
          .ifPresent(
              size ->
                  process.put(
                      "consoleSize",
                      new Json.Obj().put("height", size.height()).put("width", size.width())));
    }
    return process;
  }

  /** A user for the guest to resolve in the container's own files. */
  private static Json.Obj user(String user) {
    return new Json.Obj().put("uid", 0).put("gid", 0).put("username", user);
  }
}
