package dev.casemate.sandbox;

import dev.casemate.hooks.HookRunner;
import dev.casemate.hooks.HookState;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.oci.HookSpec;
import dev.casemate.oci.HooksSpec;
import java.util.List;
import java.util.function.Consumer;

/**
 * The hooks of a container in a VM that run on the host: {@code prestart}, {@code createRuntime},
 * {@code poststart} and {@code poststop}. They have the namespaces of the process that owns the
 * sandbox, and the VMM as the container's process. Those of the container's namespaces run in the
 * guest.
 */
public final class HostHooks {
  /** A hook without a timeout is ended after this time. */
  static final int LIMIT_SECONDS = 120;

  private static final HookRunner RUNNER = new HookRunner(HostHooks::start, LIMIT_SECONDS);

  private final HooksSpec hooks;
  private final HookState state;

  /** The hooks of a container. */
  public HostHooks(String id, String bundle, dev.casemate.oci.Spec spec) {
    this.hooks = spec.hooks();
    this.state = new HookState(id, bundle, spec);
  }

  static HostHooks of(ContainerPlan plan) {
    return new HostHooks(plan.id(), plan.bundle(), plan.spec());
  }

  private static int start(String phase, HookSpec hook, Fd input, Fd output) {
    List<String> args = hook.args().isEmpty() ? List.of(hook.path()) : hook.args();
    return Spawn.program(hook.path(), args)
        .environment(HookRunner.environment(hook, Processes.environment()))
        .stdio(input, output, output)
        .newSession()
        .start();
  }

  /** Refuses invalid hooks, including those of the guest, before any has run. */
  void check() {
    HookRunner.check(hooks);
  }

  /**
   * Runs the hooks before the guest creates the container.
   *
   * @param pid the VMM's
   */
  void create(int pid) {
    RUNNER.run("prestart", hooks.prestart(), state, pid, "creating");
    RUNNER.run("createRuntime", hooks.createRuntime(), state, pid, "creating");
  }

  /** Runs the hooks after its command was executed. */
  void started(int pid) {
    RUNNER.run("poststart", hooks.poststart(), state, pid, "running");
  }

  /** Whether there are hooks that must run at its end. */
  public boolean hasStopped() {
    return !hooks.poststop().isEmpty();
  }

  /**
   * Runs the hooks after it was removed, or could not be created: all of them run, even if one
   * fails.
   */
  public void stopped(Consumer<String> warnings) {
    RUNNER.runAll("poststop", hooks.poststop(), state, 0, "stopped").forEach(warnings);
  }
}
