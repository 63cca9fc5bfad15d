package dev.casemate.cell;

import dev.casemate.base.Json;
import dev.casemate.hooks.HookRunner;
import dev.casemate.hooks.HookState;
import dev.casemate.linux.Descriptors;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Processes;
import dev.casemate.oci.HookSpec;
import dev.casemate.oci.Spec;
import dev.casemate.seccomp.CompiledSeccomp;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The hooks of the engine's containers: it has one thread and forks. */
final class Hooks {
  /** The phase whose programs are the container's own files; others are the outside's. */
  static final String IN_CONTAINER = "startContainer";

  private static final HookRunner RUNNER = new HookRunner(Hooks::start, 0);

  private Hooks() {}

  private static HookState state(ContainerConfig config) {
    Spec spec = config.spec();
    if (config.ownKernel() && spec.annotations().containsKey(CompiledSeccomp.ANNOTATION)) {
      // Kilobytes that are the host's word to the guest's engine, not the container's.
      Map<String, String> annotations = new LinkedHashMap<>(spec.annotations());
      annotations.remove(CompiledSeccomp.ANNOTATION);
      spec = spec.withAnnotations(annotations);
    }
    return new HookState(config.id(), config.bundle(), spec);
  }

  /** The state that hooks and seccomp agents are given. */
  static Json.Obj state(ContainerConfig config, int pid, String status) {
    return state(config).at(pid, status);
  }

  /** Runs hooks one after the other; the first that fails ends it with an exception. */
  static void run(
      String phase, List<HookSpec> hooks, ContainerConfig config, int pid, String status) {
    RUNNER.run(phase, hooks, state(config), pid, status);
  }

  /**
   * Runs hooks of which a failing one is no reason not to go on ({@code poststop}).
   *
   * @return what has failed
   */
  static List<String> runAll(
      String phase, List<HookSpec> hooks, ContainerConfig config, int pid, String status) {
    return RUNNER.runAll(phase, hooks, state(config), pid, status);
  }

  private static int start(String phase, HookSpec hook, Fd input, Fd output) {
    int pid = Processes.fork(0);
    if (pid == 0) {
      become(phase, hook, input, output);
    }
    return pid;
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
