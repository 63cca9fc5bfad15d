package dev.casemate.agent;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.SystemCall;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * A child of the agent that does a job of the agent's own on three streams, which the host reads
 * and writes as those of any process of a container. It executes nothing, and ends with its job.
 */
final class ForkedStream {
  /** What the child does; streams are its descriptors 0 to 2. */
  interface Job {
    /**
     * Returns the exit status. What is thrown is told on standard error, and the status is 1.
     *
     * @param fd what was to be kept open, as descriptor 3
     */
    int run(Optional<Fd> fd) throws Exception;
  }

  private ForkedStream() {}

  /** Starts a child that counts as a process of the container. */
  static void start(
      Agent agent, GuestContainer container, String execId, Optional<Fd> kept, Job job) {
    try (ProcessPipes pipes = new ProcessPipes()) {
      int pid = Processes.fork(0);
      if (pid == 0) {
        Processes.exit(child(kept, pipes.far(), job));
      }
      container.add(GuestProcess.ofPipes(agent.loop(), execId, pid, pipes));
    }
  }

  /** Copies of other processes' pipes would keep those open. */
  private static int child(Optional<Fd> kept, List<Fd> streams, Job job) {
    try {
      for (int i = 0; i < 3; i++) {
        duplicate(streams.get(i), i);
      }
      if (kept.isPresent()) {
        duplicate(kept.get(), 3);
      }
      SystemCall.raw(SystemCall.CLOSE_RANGE, kept.isPresent() ? 4 : 3, 0xffffffffL, 0);
      Signals.restoreDefault(Signals.PIPE);
      Signals.unblockAll();
      return job.run(kept.isPresent() ? Optional.of(Fd.of(3)) : Optional.empty());
    } catch (Throwable e) {
      complain(e);
      return 1;
    }
  }

  private static void duplicate(Fd fd, int target) {
    SystemCall.check(
        SystemCall.raw(SystemCall.DUP2, fd.number(), target), "dup2", "descriptor " + target);
  }

  private static void complain(Throwable e) {
    try {
      Fd.STDERR.writeAll(
          (Console.printable(Console.describe(e)) + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (Throwable again) {
      // The reader has gone.
    }
  }
}
