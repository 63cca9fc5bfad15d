package dev.casemate.cell;

import dev.casemate.base.Json;
import dev.casemate.hooks.HookRunner;
import dev.casemate.hooks.HookState;
import dev.casemate.linux.Descriptors;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.linux.UnixSocket;
import dev.casemate.oci.HookSpec;
import dev.casemate.oci.Spec;
import dev.casemate.seccomp.CompiledSeccomp;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The hooks of the engine's containers: it has one thread and forks. Hooks outside of the container
 * start in the bundle, those of {@code createContainer} in the container's root, and those of
 * {@code startContainer} in its working directory.
 */
final class Hooks {
  /** Goes to the directory that a hook starts in. */
  private interface Place {
    void enter();
  }

  /** Becomes a hook's program. */
  private interface Program {
    /**
     * Does not return but by an exception.
     *
     * @param way to the process that has started it, if its filter asks an agent
     */
    void execute(HookSpec hook, Optional<SyncChannel> way);
  }

  private static final int STREAMS = 3;

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
    if (!hooks.isEmpty()) {
      outside(config).run(phase, hooks, state(config), pid, status);
    }
  }

  /** Runs the hooks of {@code createContainer}: programs of the outside, in the new mounts. */
  static void inMounts(List<HookSpec> hooks, ContainerConfig config, Fd root) {
    if (hooks.isEmpty()) {
      return;
    }
    runner(() -> Processes.changeDirectory(root), Hooks::execute, Optional.empty())
        .run("createContainer", hooks, state(config), 1, "creating");
  }

  /**
   * Runs the hooks of {@code startContainer}: programs of the container, with the rights of its
   * process and within its filter.
   *
   * @param environment of the process, for those that have none
   * @param engine which forwards the listeners of filters that ask an agent
   */
  static void inContainer(
      List<HookSpec> hooks,
      ContainerConfig config,
      List<String> environment,
      ProcessSetup.Last last,
      SyncChannel engine) {
    if (hooks.isEmpty()) {
      return;
    }
    Program program =
        (hook, way) ->
            last.steps(way)
                .executeAlone(
                    hook.path(), arguments(hook), HookRunner.environment(hook, environment), way);
    runner(() -> {}, program, last.asksAgent() ? Optional.of(engine) : Optional.empty())
        .run("startContainer", hooks, state(config), 1, "created");
  }

  /**
   * Runs hooks of which a failing one is no reason not to go on ({@code poststop}).
   *
   * @return what has failed
   */
  static List<String> runAll(
      String phase, List<HookSpec> hooks, ContainerConfig config, int pid, String status) {
    return hooks.isEmpty()
        ? List.of()
        : outside(config).runAll(phase, hooks, state(config), pid, status);
  }

  private static HookRunner outside(ContainerConfig config) {
    Place bundle =
        () -> {
          try {
            Processes.changeDirectory(config.bundle());
          } catch (LinuxException e) {
            // A bundle may be gone by the time of a poststop hook, which runs all the same.
            if (e.errno() != Errno.ENOENT) {
              throw e;
            }
          }
        };
    return runner(bundle, Hooks::execute, Optional.empty());
  }

  private static void execute(HookSpec hook, Optional<SyncChannel> way) {
    Processes.execute(
        hook.path(), arguments(hook), HookRunner.environment(hook, Processes.environment()));
  }

  private static List<String> arguments(HookSpec hook) {
    return hook.args().isEmpty() ? List.of(hook.path()) : hook.args();
  }

  private static HookRunner runner(Place place, Program program, Optional<SyncChannel> engine) {
    return new HookRunner(
        (phase, hook, input, output) -> {
          if (engine.isPresent()) {
            return startAsking(engine.get(), place, program, hook, input, output);
          }
          int pid = Processes.fork(0);
          if (pid == 0) {
            become(place, program, hook, List.of(input, output, output));
          }
          return pid;
        },
        0);
  }

  /** Starts a hook whose filter asks an agent, and has the engine forward the listener. */
  private static int startAsking(
      SyncChannel engine, Place place, Program program, HookSpec hook, Fd input, Fd output) {
    Fd[] pair = UnixSocket.pair();
    try (SyncChannel way = new SyncChannel(pair[0])) {
      int pid;
      try (Fd theirs = pair[1]) {
        pid = Processes.fork(0);
        if (pid == 0) {
          become(place, program, hook, List.of(input, output, output, theirs));
        }
      }
      SyncChannel.Message message = way.receive();
      if (message.type() == SyncChannel.LISTENER) {
        try (Fd pidfd = Processes.openPid(pid)) {
          engine.send(SyncChannel.HOOK_LISTENER, message.text(), pidfd);
        }
        if (!engine.awaitGo()) {
          Processes.exit(1);
        }
        way.go();
      }
      return pid;
    }
  }

  /**
   * In the child: becomes the hook.
   *
   * @param descriptors its standard streams, and its end of the way to its parent if there is one
   */
  private static void become(Place place, Program program, HookSpec hook, List<Fd> descriptors) {
    try {
      Child.resetSignals();
      place.enter();
      List<Fd> kept = Descriptors.keepOnly(descriptors);
      program.execute(
          hook,
          kept.size() > STREAMS
              ? Optional.of(new SyncChannel(kept.get(STREAMS)))
              : Optional.empty());
    } catch (Throwable e) {
      byte[] text = String.valueOf(e.getMessage()).getBytes(StandardCharsets.UTF_8);
      Fd.STDERR.write(text, 0, text.length);
    }
    Processes.exit(127);
  }
}
