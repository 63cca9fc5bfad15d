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
import dev.casemate.oci.DefaultSpec;
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
     * Starts the program with its own arguments and no other descriptors. One without an
     * environment gets the {@link #environment} of whoever runs it.
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

  /**
   * The environment of a hook's program: its own or, where the specification gives none and says
   * nothing of it, the given one, as hook authors know it from other runtimes. Programs are found
   * in either case: {@code PATH} is there.
   *
   * @param otherwise {@code NAME=value} each
   */
  public static List<String> environment(HookSpec hook, List<String> otherwise) {
    if (!hook.env().isEmpty()) {
      return hook.env();
    }
    for (String variable : otherwise) {
      if (variable.startsWith("PATH=")) {
        return otherwise;
      }
    }
    List<String> all = new ArrayList<>(otherwise);
    all.add("PATH=" + DefaultSpec.PATH);
    return all;
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
    for (int i = 0; i < hooks.size(); i++) {
      run(phase, i, hooks.get(i), state, pid, status);
    }
  }

  private void run(
      String phase, int number, HookSpec hook, HookState state, int pid, String status) {
    try {
      run(phase, number, hook, state.bytes(pid, status));
    } catch (LinuxException e) {
      throw Failures.of(name(phase, number, hook), e);
    }
  }

  /** In the words that users of runc know. */
  private static String name(String phase, int number, HookSpec hook) {
    return "error running " + phase + " hook #" + number + ": " + hook.path();
  }

  /**
   * Runs all hooks, even after one has failed ({@code poststop}).
   *
   * @return the failures
   */
  public List<String> runAll(
      String phase, List<HookSpec> hooks, HookState state, int pid, String status) {
    List<String> failures = new ArrayList<>();
    for (int i = 0; i < hooks.size(); i++) {
      try {
        run(phase, i, hooks.get(i), state, pid, status);
      } catch (CasemateException e) {
        failures.add(String.valueOf(e.getMessage()));
      }
    }
    return failures;
  }

  private void run(String phase, int number, HookSpec hook, byte[] state) {
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
        throw failed(name(phase, number, hook), "timed out after " + timeout / 1000 + " s");
      }
      if (status.exitStatus() != 0) {
        throw failed(
            name(phase, number, hook),
            "ended with "
                + (status.exited()
                    ? "exit code " + status.exitStatus()
                    : "signal " + status.signal() + signalName(status.signal()))
                + (said.isEmpty() ? "" : ": " + said.toString().strip()));
      }
    }
  }

  private static CasemateException failed(String name, String how) {
    return CasemateException.of(CasemateException.Kind.FAILED_PRECONDITION, name + " " + how);
  }

  /** What the signals of faults and of filters are called. */
  private static String signalName(int signal) {
    return switch (signal) {
      case 4 -> " (illegal instruction)";
      case 6 -> " (aborted)";
      case 7 -> " (bus error)";
      case 8 -> " (floating point exception)";
      case 9 -> " (killed)";
      case 11 -> " (segmentation fault)";
      case 15 -> " (terminated)";
      case 31 -> " (bad system call)";
      default -> "";
    };
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
