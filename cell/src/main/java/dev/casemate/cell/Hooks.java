package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.base.Json;
import dev.casemate.linux.Descriptors;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.SystemCall;
import dev.casemate.linux.WaitStatus;
import dev.casemate.oci.HookSpec;
import dev.casemate.oci.HooksSpec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Programs that are run at points of the life cycle, with the container's state on their standard
 * input (runtime-spec config.md "POSIX-platform Hooks", runtime.md "State").
 */
final class Hooks {
  /** The phase whose programs are the container's own files; others are the outside's. */
  static final String IN_CONTAINER = "startContainer";

  private static final int OUTPUT_LIMIT = 4096;

  private Hooks() {}

  /** The state that hooks and seccomp agents are given. */
  static Json.Obj state(ContainerConfig config, int pid, String status) {
    Json.Obj state =
        new Json.Obj()
            .put("ociVersion", config.spec().ociVersion())
            .put("id", config.id())
            .put("status", status);
    if (pid > 0) {
      state.put("pid", pid);
    }
    state.put("bundle", config.bundle());
    if (!config.spec().annotations().isEmpty()) {
      state.putMap("annotations", config.spec().annotations());
    }
    return state;
  }

  /** Refuses hooks that cannot be, before anything is made. */
  static void check(HooksSpec hooks) {
    check("prestart", hooks.prestart());
    check("createRuntime", hooks.createRuntime());
    check("createContainer", hooks.createContainer());
    check(IN_CONTAINER, hooks.startContainer());
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

  /** Runs hooks one after the other; the first that fails ends it with an exception. */
  static void run(
      String phase, List<HookSpec> hooks, ContainerConfig config, int pid, String status) {
    for (HookSpec hook : hooks) {
      byte[] state = state(config, pid, status).text().getBytes(StandardCharsets.UTF_8);
      try {
        run(phase, hook, state);
      } catch (LinuxException e) {
        throw Failures.of("hook " + phase + " " + hook.path(), e);
      }
    }
  }

  private static void run(String phase, HookSpec hook, byte[] state) {
    // A file, not a pipe: the hook need not read it, and nobody gets a SIGPIPE for it.
    try (Fd input = memory(state);
        Pipe output = Pipe.open()) {
      int pid = Processes.fork(0);
      if (pid == 0) {
        become(phase, hook, input, output.write());
      }
      output.write().close();
      int timeout = hook.timeoutSeconds().map(s -> s * 1000).orElse(-1);
      StringBuilder said = new StringBuilder();
      boolean ended;
      try (Fd pidfd = Processes.openPid(pid)) {
        ended = await(pidfd, output.read(), timeout, said);
        if (!ended) {
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

  /**
   * Runs hooks of which a failing one is no reason not to go on ({@code poststop}).
   *
   * @return what has failed
   */
  static List<String> runAll(
      String phase, List<HookSpec> hooks, ContainerConfig config, int pid, String status) {
    List<String> failures = new ArrayList<>();
    for (HookSpec hook : hooks) {
      try {
        run(phase, List.of(hook), config, pid, status);
      } catch (CasemateException e) {
        failures.add(String.valueOf(e.getMessage()));
      }
    }
    return failures;
  }

  private static CasemateException failed(String phase, HookSpec hook, String how) {
    return CasemateException.of(
        CasemateException.Kind.FAILED_PRECONDITION,
        "hook " + phase + " " + hook.path() + " " + how);
  }

  /** A file without a name, at its beginning. */
  static Fd memory(byte[] content) {
    try (NativeBuffer name = NativeBuffer.ofString("state")) {
      Fd file =
          Fd.of(
              (int)
                  SystemCall.check(
                      SystemCall.raw(SystemCall.MEMFD_CREATE, name.address(), 1),
                      "memfd_create",
                      "state"));
      file.writeAll(content);
      FileContent.seek(file, 0, 0);
      return file;
    }
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

  private static void become(String phase, HookSpec hook, Fd input, Fd output) {
    try {
      Child.resetSignals();
      Descriptors.keepOnly(List.of(input, output, output));
      List<String> args = hook.args().isEmpty() ? List.of(hook.path()) : hook.args();
      if (phase.equals(IN_CONTAINER)) {
        FinalExec.executeAlone(hook.path(), args, hook.env());
      }
      Processes.execute(hook.path(), args, hook.env());
    } catch (Throwable e) {
      byte[] text = String.valueOf(e.getMessage()).getBytes(StandardCharsets.UTF_8);
      Fd.STDERR.write(text, 0, text.length);
    }
    Processes.exit(127);
  }
}
