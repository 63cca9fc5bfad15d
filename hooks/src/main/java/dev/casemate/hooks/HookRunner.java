package dev.casemate.hooks;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.WaitStatus;
import dev.casemate.oci.HookSpec;
import dev.casemate.oci.HooksSpec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs hooks: programs at points of the life cycle, with the container's state on their standard
 * input (runtime-spec config.md "POSIX-platform Hooks"). How a program starts is the caller's
 * business: an engine with one thread forks, a process with threads spawns.
 */
public final class HookRunner {
  private static final int OUTPUT_LIMIT = 4096;

  private final Starter starter;
  private final int limitSeconds;

  /** Starts a hook's program. */
  public interface Starter {
    /**
     * Starts the program with its own arguments and environment, and no other descriptors.
     *
     * @param phase such as {@code poststop}
     * @param input its standard input
     * @param output its standard output and error
     * @return the child's pid
     */
    int start(String phase, HookSpec hook, Fd input, Fd output);
  }

  /**
   * A runner.
   *
   * @param limitSeconds after which a hook without a timeout is ended; 0 for never
   */
  public HookRunner(Starter starter, int limitSeconds) {
    this.starter = starter;
    this.limitSeconds = limitSeconds;
  }

  /** Refuses invalid hooks, before anything is created. */
  public static void check(HooksSpec hooks) {
    check("prestart", hooks.prestart());
    check("createRuntime", hooks.createRuntime());
    check("createContainer", hooks.createContainer());
    check("startContainer", hooks.startContainer());
    check("poststart", hooks.poststart());
    check("poststop", hooks.poststop());
  }

  private static void check(String phase, List<HookSpec> hooks) {
    for (HookSpec hook : hooks) {
      if (!hook.path().startsWith("/")) {
        throw Failures.invalid(
            "hooks." + phase + ": path \"" + hook.path() + "\" must be an absolute path");
      }
      if (hook.timeoutSeconds().orElse(1) <= 0) {
        throw Failures.invalid(
            "hooks."
                + phase
                + ": timeout "
                + hook.timeoutSeconds().get()
                + " of "
                + hook.path()
                + " must be greater than zero; leave it out for none");
      }
    }
  }

  /**
   * Runs hooks one after the other, up to the first that fails.
   *
   * @throws CasemateException FAILED_PRECONDITION if one fails or takes too long; names the phase,
   *     the path and the hook's output
   */
  public void run(String phase, List<HookSpec> hooks, HookState state, int pid, String status) {
    for (HookSpec hook : hooks) {
      try {
        run(phase, hook, state.bytes(pid, status));
      } catch (LinuxException e) {
        throw Failures.of("hook " + phase + " " + hook.path(), e);
      }
    }
  }

  /**
   * Runs all hooks, even after one has failed ({@code poststop}).
   *
   * @return the failures
   */
  public List<String> runAll(
      String phase, List<HookSpec> hooks, HookState state, int pid, String status) {
    List<String> failures = new ArrayList<>();
    for (HookSpec hook : hooks) {
      try {
        run(phase, List.of(hook), state, pid, status);
      } catch (CasemateException e) {
        failures.add(String.valueOf(e.getMessage()));
      }
    }
    return failures;
  }

  private void run(String phase, HookSpec hook, byte[] state) {
    // A file, not a pipe: the hook need not read it, and nobody gets a SIGPIPE for it.
    try (Fd input = EventFd.memory("state");
        Pipe output = Pipe.open()) {
      input.writeAll(state);
      FileContent.seek(input, 0, 0);
      int pid = starter.start(phase, hook, input, output.write());
      output.write().close();
      int seconds = hook.timeoutSeconds().orElse(limitSeconds);
      int timeout = seconds == 0 ? -1 : (int) Math.min(seconds * 1000L, Integer.MAX_VALUE);
      StringBuilder said = new StringBuilder();
      boolean ended;
      try (Fd pidfd = Processes.openPid(pid)) {
        ended = await(pidfd, output.read(), timeout, said);
        if (!ended) {
          // With what it has started, if it leads a session.
          Processes.killIfExists(-pid, Signals.KILL);
          Processes.signalPid(pidfd, Signals.KILL);
        }
      }
      WaitStatus status = Processes.waitFor(pid, 0).orElseThrow();
      if (!ended) {
        throw failed(phase, hook, "timed out after " + timeout / 1000 + " s");
      }
      if (status.exitStatus() != 0) {
        throw failed(
            phase,
            hook,
            "ended with "
                + (status.exited() ? "exit code " : "signal ")
                + (status.exited() ? status.exitStatus() : status.signal())
                + (said.isEmpty() ? "" : ": " + said.toString().strip()));
      }
    }
  }

  private static CasemateException failed(String phase, HookSpec hook, String how) {
    return CasemateException.of(
        CasemateException.Kind.FAILED_PRECONDITION,
        "hook " + phase + " " + hook.path() + " " + how);
  }

  /** Gathers the hook's output until it has ended; false if it takes too long. */
  private static boolean await(Fd pidfd, Fd output, int timeoutMillis, StringBuilder said) {
    byte[] chunk = new byte[1024];
    long start = System.nanoTime();
    int outputFd = output.number();
    while (true) {
      int left = timeoutMillis;
      if (timeoutMillis >= 0) {
        left = (int) Math.max(0, timeoutMillis - (System.nanoTime() - start) / 1_000_000);
      }
      int[] ready =
          Poll.await(new int[] {pidfd.number(), outputFd}, new int[] {Poll.IN, Poll.IN}, left);
      if (ready[1] != 0) {
        int n = output.read(chunk, 0, chunk.length);
        if (n <= 0) {
          outputFd = -1;
        } else if (said.length() < OUTPUT_LIMIT) {
          said.append(new String(chunk, 0, n, StandardCharsets.UTF_8));
        }
        continue;
      }
      if (ready[0] != 0) {
        return true;
      }
      if (timeoutMillis >= 0 && left == 0) {
        return false;
      }
    }
  }
}
