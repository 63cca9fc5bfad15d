package dev.casemate.agent;

import dev.casemate.linux.Machine;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.protocol.GuestContract;

/** The guest's first process, {@code /init} of the initramfs. */
public final class Main {
  private Main() {}

  /** Begins to serve the host by the way that there is to it. */
  interface Start {
    void start(Agent agent, HostWay way);
  }

  /** Runs until the machine ends. */
  public static void main(String[] args) {
    run(Agent::start);
  }

  static void run(Start start) {
    long mainMicros = Machine.monotonicMicros();
    if (Processes.currentPid() != 1) {
      System.err.println("casemate-agent runs only as the first process of a Casemate guest");
      Processes.exit(1);
    }
    Console console = new Console();
    try {
      boot(console, mainMicros, start).loop().run();
    } catch (Throwable e) {
      // Without an agent the machine is of no use: the host sees it end at once.
      console.last("cannot start", e);
      Machine.restart();
    }
  }

  private static Agent boot(Console console, long mainMicros, Start start) {
    Signals.block(Signals.CHLD);
    Signals.ignore(Signals.PIPE);
    CommandLine commandLine = CommandLine.read();
    console.threshold(commandLine.logLevel());
    KernelModules modules = KernelModules.open();
    BootMounts.mountAll();
    BootMounts.standardStreams();
    Limits.set(console);
    console.debug("mounted by " + Machine.monotonicMicros() + " us");
    Uevents uevents = new Uevents();
    modules.loadGroup(GuestContract.BASE_MODULES);
    for (String group : commandLine.moduleGroups()) {
      modules.loadGroup(group);
    }
    modules.loadGroup(GuestContract.EXTRA_MODULES);
    console.debug("modules loaded by " + Machine.monotonicMicros() + " us");
    Loopback.up();
    HostWay way = HostWay.open(commandLine.channel(), modules, uevents);
    Loop loop = new Loop(console);
    Agent agent = Agent.create(loop, console, uevents, modules, mainMicros);
    start.start(agent, way);
    return agent;
  }
}
