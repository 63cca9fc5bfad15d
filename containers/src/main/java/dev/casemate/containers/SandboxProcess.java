package dev.casemate.containers;

import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Signals;
import dev.casemate.oci.Spec;
import dev.casemate.rpc.TtrpcServer;
import dev.casemate.sandbox.Acceptor;
import dev.casemate.sandbox.OwnerProcess;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.Shares;
import dev.casemate.sandbox.Threads;
import dev.casemate.task.TaskApi;
import java.util.List;
import java.util.Optional;

/**
 * The process that owns a sandbox ({@code casemate-sandbox ID START_MICROS}): started by {@link
 * SandboxLauncher} as an {@link OwnerProcess}. It exits when its sandbox ends.
 */
public final class SandboxProcess {
  /** The program name that selects this role of the executable. */
  public static final String ROLE = "casemate-sandbox";

  private static final int SPEC_LIMIT = 16 << 20;
  private static final int ANSWER_GRACE_MILLIS = 2_000;

  private SandboxProcess() {}

  /** Runs the role; returns the process's exit status. */
  public static int main(List<String> arguments) {
    Optional<OwnerProcess.Inherited> inherited =
        arguments.size() == 2 ? OwnerProcess.inherit() : Optional.empty();
    if (inherited.isEmpty()) {
      System.err.println(
          ROLE + " is started by casemate itself, with an open socket and lock; see casemate run");
      return 2;
    }
    Signals.ignore(Signals.PIPE);
    // A terminal's Ctrl-C is for the command; TERM asks this process to end its sandbox in order.
    Signals.block(Signals.TERM, Signals.INT, Signals.HUP);
    String id = arguments.getFirst();
    ContainerStore store = new ContainerStore(SandboxPaths.system());
    Optional<ContainerRecord> record = store.load(id);
    if (record.isEmpty()) {
      System.err.println(ROLE + ": container " + id + " has no record");
      return 1;
    }
    Spec spec =
        Spec.parse(
            FileContent.readString(store.paths().container(id) + "/config.json", SPEC_LIMIT));
    if (StandaloneFront.needsShares(record.get().config(), spec)) {
      Shares.isolate();
    }
    StandaloneFront front =
        new StandaloneFront(store, record.get(), spec, Long.parseLong(arguments.get(1)));
    TtrpcServer server = new TtrpcServer(List.of(TaskApi.v2(front), new SandboxApi(front, id)));
    Threads.start("accept", () -> Acceptor.run(inherited.get().listener(), server));
    Threads.start("signals", () -> awaitSignal(front));
    front.run();
    // Callers that wait for the container need the answer before the socket closes.
    server.awaitIdle(ANSWER_GRACE_MILLIS);
    return 0;
  }

  private static void awaitSignal(StandaloneFront front) {
    try (Fd signals = Signals.descriptor(false, Signals.TERM, Signals.INT)) {
      int signal = Signals.read(signals);
      front.endBecause("its process was killed by SIG" + Signals.name(signal));
    }
  }
}
