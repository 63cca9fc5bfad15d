package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.commandline.UsageException;
import dev.casemate.containers.Casemate;
import dev.casemate.containers.Container;
import dev.casemate.containers.ContainerBuilder;
import dev.casemate.containers.ContainerStore;
import dev.casemate.containers.PreparedContainer;
import dev.casemate.containers.SandboxClient;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Tty;
import java.util.List;

/** {@code casemate run}: a container from an image, in a VM of its own. */
final class RunCommand implements Command {
  private static final int GONE_TIMEOUT_MILLIS = 20_000;

  @Override
  public String name() {
    return "run";
  }

  @Override
  public String usage() {
    return "IMAGE [COMMAND [ARGUMENT…]]";
  }

  @Override
  public String summary() {
    return "run a command in a new container, in a VM of its own";
  }

  @Override
  public List<Option> options() {
    return RunOptions.ALL;
  }

  @Override
  public boolean interspersed() {
    return false;
  }

  @Override
  public int run(Arguments arguments) {
    List<String> words = arguments.operands("IMAGE");
    checkTerminal(arguments);
    try (Casemate casemate = Casemate.open()) {
      ContainerBuilder builder = casemate.container(words.getFirst());
      RunWishes.tell(builder, arguments, words.subList(1, words.size()));
      PreparedContainer prepared;
      try (ProgressDisplay display = new ProgressDisplay()) {
        prepared = builder.progress(display).warnings(Images::warn).prepare();
      }
      if (prepared.config().vm().accelerator().equals("auto")) {
        EmulationNotice.sayOnce(casemate.store().paths());
      }
      Streams.blockSignals();
      try (Container container = prepared.create()) {
        return arguments.has("detach")
            ? detach(container)
            : attach(casemate.store(), container, arguments);
      }
    }
  }

  private static void checkTerminal(Arguments arguments) {
    if (arguments.has("tty")
        && arguments.has("interactive")
        && !arguments.has("detach")
        && !Tty.isTerminal(Fd.STDIN)) {
      throw new UsageException(
          "option -t requires a terminal, but standard input is not a terminal; omit -t");
    }
  }

  private static int detach(Container container) {
    container.start();
    Console.outLine(container.id());
    return 0;
  }

  private static int attach(ContainerStore store, Container container, Arguments arguments) {
    int status;
    StartReport report = new StartReport(store, container.id());
    try (Streams streams =
        new Streams(
            store.paths().sandbox(container.id()),
            arguments.has("interactive"),
            container.config().terminal())) {
      streams.enterRawMode();
      Foreground foreground =
          new Foreground(
              container.client(),
              streams,
              "",
              () -> {
                container.start(streams.stdio());
                report.started();
              });
      status = foreground.run();
      report.firstByte(streams.firstByteMicros());
    }
    if (report.wasStarted()) {
      finish(container.client());
      if (arguments.has("timings")) {
        report.print();
      }
    }
    return status;
  }

  private static void finish(SandboxClient client) {
    try {
      client.delete("");
    } catch (CasemateException gone) {
      // The sandbox ends by itself with its container; it was quicker.
    }
    if (!client.awaitGone(GONE_TIMEOUT_MILLIS)) {
      Console.errLine(
          "casemate: the sandbox did not end within "
              + GONE_TIMEOUT_MILLIS / 1000
              + " s; check for leftovers with: casemate doctor");
    }
  }
}
