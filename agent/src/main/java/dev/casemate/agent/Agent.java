package dev.casemate.agent;

import dev.casemate.linux.Machine;

/**
 * What the handlers of requests work with.
 *
 * @param mainMicros when the agent began, by the guest's monotonic clock
 */
record Agent(
    Loop loop,
    Console console,
    Uevents uevents,
    KernelModules modules,
    ModuleWishes wishes,
    Containers containers,
    Storages storages,
    OomWatch oom,
    DerivedLimits limits,
    Sandbox sandbox,
    long mainMicros) {
  static Agent create(
      Loop loop, Console console, Uevents uevents, KernelModules modules, long mainMicros) {
    return new Agent(
        loop,
        console,
        uevents,
        modules,
        new ModuleWishes(loop, modules, console),
        new Containers(),
        new Storages(loop, uevents, modules, console),
        new OomWatch(loop),
        new DerivedLimits(console),
        new Sandbox(),
        mainMicros);
  }

  /** Puts everything into the loop that is going to run. */
  void start(HostWay way) {
    start(
        way,
        (service, method, payload, answer) ->
            Services.call(this, service, method, payload, answer));
  }

  /** As {@link #start(HostWay)}, with another one to carry out requests. */
  void start(HostWay way, HostConnection.Service service) {
    uevents.start(loop);
    containers.start(loop);
    HostEnd host = way.serve(loop, console, service);
    sandbox.start(host, Machine.monotonicMicros());
    host.start();
    console.info("ready, from " + mainMicros + " us to " + sandbox.readyMicros() + " us");
  }
}
