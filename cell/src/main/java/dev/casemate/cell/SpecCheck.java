package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.hooks.HookRunner;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Resources;
import dev.casemate.oci.Spec;

/** Refuses what cannot be, before anything is made. */
final class SpecCheck {
  private SpecCheck() {}

  static void check(ContainerConfig config) {
    HookRunner.check(config.spec().hooks());
    if (config.spec().annotations().containsKey("")) {
      throw Failures.invalid("annotations holds an empty key; name it or remove it");
    }
    String groups = config.spec().annotations().getOrDefault(Spec.KEEP_GROUPS, "1");
    if (!groups.equals("1")) {
      throw Failures.invalid(
          "annotation " + Spec.KEEP_GROUPS + " \"" + groups + "\" is unknown; use 1 or remove it");
    }
    check(config.spec().linux().resources());
    MemoryPolicies.check(config.spec().linux().memoryPolicy());
    config
        .spec()
        .process()
        .ifPresent(
            process -> {
              Priorities.check(process, config.spec().linux());
              check(process);
            });
  }

  /** What a start says of a container without {@code process}, which the specification allows. */
  static CasemateException noProcess() {
    return Failures.invalid("config.json has no process; add one, and create the container anew");
  }

  private static void check(Resources resources) {
    for (Resources.WeightDevice device : resources.blockIo().weightDevices()) {
      if (device.weight().isEmpty() && device.leafWeight().isEmpty()) {
        throw Failures.invalid(
            "linux.resources.blockIO.weightDevice of device "
                + device.major()
                + ":"
                + device.minor()
                + " has neither weight nor leafWeight; give one of them");
      }
    }
    resources
        .rdma()
        .forEach(
            (card, limits) -> {
              if (limits.hcaHandles().isEmpty() && limits.hcaObjects().isEmpty()) {
                throw Failures.invalid(
                    "linux.resources.rdma of \""
                        + card
                        + "\" has neither hcaHandles nor hcaObjects; give one of them");
              }
            });
  }

  /** The kernel takes the largest number for "as it is": the process would stay root. */
  private static void checkId(String kind, int id) {
    if (id == -1) {
      throw Failures.invalid(
          "unable to setup user: cannot set"
              + kind
              + " to unmapped "
              + kind
              + " 4294967295; use 0 to 4294967294");
    }
  }

  static void check(ProcessSpec process) {
    if (process.args().isEmpty()) {
      throw Failures.invalid("process.args is empty; name a command");
    }
    if (!process.cwd().startsWith("/")) {
      throw Failures.invalid("process.cwd \"" + process.cwd() + "\" must be an absolute path");
    }
    checkId("uid", process.user().uid());
    checkId("gid", process.user().gid());
    for (int gid : process.user().additionalGids()) {
      checkId("gid", gid);
    }
    Rlimits.check(process.rlimits());
  }
}
