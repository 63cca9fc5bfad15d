package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.oci.Spec;
import dev.casemate.rpc.TtrpcServer;
import dev.casemate.sandbox.Acceptor;
import dev.casemate.sandbox.Leftovers;
import dev.casemate.sandbox.OwnerProcess;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.Shares;
import dev.casemate.sandbox.Threads;
import dev.casemate.task.TaskApi;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/**
 * A shim's process: owns one VM and its containers. Its socket and its locked lock file come as
 * descriptors from {@link StartCommand}.
 */
final class ShimServer {
  private static final int FLUSH_MILLIS = 2_000;
  private static final long ANSWER_GRACE_NANOS = 100_000_000;

  static int run(ShimFlags flags) {
    OwnerProcess.Inherited inherited =
        OwnerProcess.inherit()
            .orElseThrow(
                () ->
                    CasemateException.of(
                        Kind.INVALID_ARGUMENT,
                        "the server is started by the start command, not by users"));
    Signals.ignore(Signals.PIPE);
    // As containerd's own shims: only KILL ends it from outside, and then delete cleans up.
    Signals.block(Signals.TERM, Signals.INT, Signals.HUP);
    Orphans.adopt();
    SandboxPaths paths = SandboxPaths.system();
    String id = Identity.sandboxId(flags.address(), flags.namespace(), flags.id());
    ShimRecord read =
        ShimRecord.read(paths, id)
            .orElseThrow(
                () -> CasemateException.of(Kind.NOT_FOUND, "sandbox " + id + " has no record"));
    Shares.isolate();
    int pid = Processes.currentPid();
    ShimRecord record = read.owned(pid, Processes.startTime(pid).orElse(0L));
    record.write(paths);
    new ShimServer(paths, record).serve(inherited.listener());
    return 0;
  }

  private final SandboxPaths paths;
  private final ShimRecord record;
  private final ShimLog log;
  private final EventPublisher publisher;
  private final HostContainers hosts = new HostContainers();

  private ShimServer(SandboxPaths paths, ShimRecord record) {
    this.paths = paths;
    this.record = record;
    this.log = ShimLog.open(record.bundle(), record.group(), record.debug());
    this.publisher = new EventPublisher(record, log);
  }

  private void serve(Fd listener) {
    ShimState state = new ShimState(paths);
    EventSink events = new EventSink(publisher::publish, log, state::vmmPid, hosts);
    EngineViews views = new EngineViews();
    ShimFront front = new ShimFront(record, paths, state, hosts, views, log);
    Optional<Spec> spec = new Bundle(record.bundle()).spec();
    if (spec.isPresent()) {
      // The VM boots while containerd still prepares the task.
      try {
        state.start(Boot.ofSpec(record, record.options(), paths, spec.get()), events);
      } catch (CasemateException e) {
        state.fail(e);
      }
    }
    Threads.start("events", publisher);
    Threads.start("orphans", Orphans.reaper(log));
    TtrpcServer server =
        new TtrpcServer(
            List.of(
                TaskApi.v2(front),
                TaskApi.v3(front),
                new PodService(record, paths, state, events),
                views));
    Threads.start("accept", () -> Acceptor.run(listener, server));
    try {
      state.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    end(state, listener);
  }

  private void end(ShimState state, Fd listener) {
    state.stop();
    publisher.flush(FLUSH_MILLIS);
    LockSupport.parkNanos(ANSWER_GRACE_NANOS);
    try {
      Fs.unlinkIfExists(record.socket());
    } catch (LinuxException e) {
      log.warn("cannot remove " + record.socket() + ": " + e.getMessage());
    }
    listener.close();
    Leftovers.removeDirectory(paths, record.sandboxId());
  }
}
