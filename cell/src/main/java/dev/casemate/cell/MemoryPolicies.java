package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.linux.Scheduling;
import dev.casemate.oci.LinuxSpec.MemoryPolicy;
import java.util.Optional;

/** Where a process's memory comes from (runtime-spec config-linux.md, "Memory policy"). */
final class MemoryPolicies {
  /** The kernel's MAX_NUMNODES on x86-64. */
  private static final int NODE_LIMIT = 1024;

  private static final int MODE = 0xff;
  private static final int DEFAULT = 0;
  private static final int PREFERRED = 1;
  private static final int LOCAL = 4;

  private MemoryPolicies() {}

  /** Refuses words and nodes that are none, and nodes that do not go with the mode. */
  static void check(Optional<MemoryPolicy> policy) {
    if (policy.isEmpty()) {
      return;
    }
    int mode = mode(policy.get()) & MODE;
    int count = nodes(policy.get()).length;
    if ((mode == DEFAULT || mode == LOCAL) && count > 0) {
      throw wrongCount(policy.get(), "0 nodes but got " + count);
    }
    if (mode != DEFAULT && mode != LOCAL && mode != PREFERRED && count == 0) {
      throw wrongCount(policy.get(), "at least one node but got 0");
    }
  }

  private static CasemateException wrongCount(MemoryPolicy policy, String what) {
    return Failures.invalid(
        "memory policy mode requires " + what + ": correct linux.memoryPolicy of " + policy.mode());
  }

  /** Sets the policy of the calling process, which its descendants inherit. */
  static void apply(Optional<MemoryPolicy> policy) {
    if (policy.isPresent()) {
      Scheduling.memoryPolicy(mode(policy.get()), nodes(policy.get()));
    }
  }

  private static CasemateException invalid(String what, String value, String instead) {
    return Failures.invalid(
        "invalid memory policy " + what + ": linux.memoryPolicy has \"" + value + "\"; " + instead);
  }

  /** Mode and flags as linux/mempolicy.h has them. */
  private static int mode(MemoryPolicy policy) {
    int mode =
        switch (policy.mode()) {
          case "MPOL_DEFAULT" -> DEFAULT;
          case "MPOL_PREFERRED" -> PREFERRED;
          case "MPOL_BIND" -> 2;
          case "MPOL_INTERLEAVE" -> 3;
          case "MPOL_LOCAL" -> LOCAL;
          case "MPOL_PREFERRED_MANY" -> 5;
          case "MPOL_WEIGHTED_INTERLEAVE" -> 6;
          default ->
              throw invalid("mode", policy.mode(), "use MPOL_DEFAULT, MPOL_BIND, MPOL_PREFERRED …");
        };
    for (String flag : policy.flags()) {
      mode |=
          switch (flag) {
            case "MPOL_F_NUMA_BALANCING" -> 1 << 13;
            case "MPOL_F_RELATIVE_NODES" -> 1 << 14;
            case "MPOL_F_STATIC_NODES" -> 1 << 15;
            default ->
                throw invalid(
                    "flag",
                    flag,
                    "use MPOL_F_NUMA_BALANCING, MPOL_F_RELATIVE_NODES or MPOL_F_STATIC_NODES");
          };
    }
    return mode;
  }

  private static int[] nodes(MemoryPolicy policy) {
    return NumberList.parse(policy.nodes(), NODE_LIMIT)
        .orElseThrow(
            () ->
                invalid(
                    "node", policy.nodes(), "use numbers below " + NODE_LIMIT + ", as in 0-3,7"));
  }
}
