package dev.casemate.agent;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.oci.HookSpec;
import dev.casemate.oci.HooksSpec;
import dev.casemate.oci.Spec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The hooks of a specification that run in the guest: {@code createContainer}, before the container
 * has its root, and {@code startContainer}, in the container. Programs of the first are the
 * guest's, or static ones of the container's own files.
 */
final class GuestHooks {
  /** The agent has one thread: a hook without a time limit of its own gets this one. */
  private static final int LIMIT_SECONDS = 20;

  private GuestHooks() {}

  /** Gives every hook a time limit; one of a longer time is refused. */
  static Spec bounded(Spec spec) {
    HooksSpec hooks = spec.hooks();
    if (hooks.isEmpty()) {
      return spec;
    }
    return spec.withHooks(
        new HooksSpec(
            bounded("prestart", hooks.prestart()),
            bounded("createRuntime", hooks.createRuntime()),
            bounded("createContainer", hooks.createContainer()),
            bounded("startContainer", hooks.startContainer()),
            bounded("poststart", hooks.poststart()),
            bounded("poststop", hooks.poststop())));
  }

  private static List<HookSpec> bounded(String phase, List<HookSpec> hooks) {
    List<HookSpec> bounded = new ArrayList<>();
    for (HookSpec hook : hooks) {
      int seconds = hook.timeoutSeconds().orElse(LIMIT_SECONDS);
      if (seconds > LIMIT_SECONDS) {
        throw Failures.invalid(
            "hooks."
                + phase
                + ": timeout "
                + seconds
                + " of "
                + hook.path()
                + " is too long for a hook in a VM; use at most "
                + LIMIT_SECONDS
                + " seconds");
      }
      bounded.add(new HookSpec(hook.path(), hook.args(), hook.env(), Optional.of(seconds)));
    }
    return bounded;
  }

  /**
   * Finds the programs, once the container's root is mounted.
   *
   * @throws dev.casemate.base.CasemateException INVALID_ARGUMENT for one that is nowhere
   */
  static Spec resolve(Spec spec) {
    HooksSpec hooks = spec.hooks();
    if (hooks.createContainer().isEmpty() && hooks.startContainer().isEmpty()) {
      return spec;
    }
    List<HookSpec> create = new ArrayList<>();
    for (HookSpec hook : hooks.createContainer()) {
      String path = Fs.exists(hook.path()) ? hook.path() : below(spec, "createContainer", hook);
      // Its own name stays what it is called by.
      List<String> args = hook.args().isEmpty() ? List.of(hook.path()) : hook.args();
      create.add(new HookSpec(path, args, hook.env(), hook.timeoutSeconds()));
    }
    return spec.withHooks(
        new HooksSpec(
            hooks.prestart(),
            hooks.createRuntime(),
            create,
            hooks.startContainer(),
            hooks.poststart(),
            hooks.poststop()));
  }

  /** Where the guest has a file of the container's root; no link leads out of that. */
  private static String below(Spec spec, String phase, HookSpec hook) {
    try (Fd root = Fs.open(spec.root().path(), OpenFlag.PATH | OpenFlag.DIRECTORY);
        Fd file = Fs.openIn(root, hook.path(), OpenFlag.PATH, 0)) {
      return Links.readLink("/proc/self/fd/" + file.number());
    } catch (LinuxException e) {
      throw Failures.invalid(
          "hooks."
              + phase
              + ": "
              + hook.path()
              + " is neither in the guest nor in the container's root ("
              + e.getMessage()
              + "); add the program to the image, or remove the hook");
    }
  }
}
