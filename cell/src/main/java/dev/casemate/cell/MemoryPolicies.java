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

  private MemoryPolicies() {}

  /** Refuses words and nodes that are none. */
  static void check(Optional<MemoryPolicy> policy) {
    if (policy.isPresent() && !isNothing(policy.get())) {
      mode(policy.get());
      nodes(policy.get());
    }
  }

  /** Sets the policy of the calling process, which its descendants inherit. */
  static void apply(Optional<MemoryPolicy> policy) {
    if (policy.isPresent() && !isNothing(policy.get())) {
      Scheduling.memoryPolicy(mode(policy.get()), nodes(policy.get()));
    }
  }

  private static boolean isNothing(MemoryPolicy policy) {
    return policy.mode().isEmpty() && policy.nodes().isEmpty() && policy.flags().isEmpty();
  }

  private static CasemateException invalid(String what, String value, String instead) {
    return Failures.invalid(
        "invalid memory policy " + what + ": linux.memoryPolicy has \"" + value + "\"; " + instead);
  }

  /** Mode and flags as linux/mempolicy.h has them. */
  private static int mode(MemoryPolicy policy) {
    int mode =
        switch (policy.mode()) {
          case "MPOL_DEFAULT" -> 0;
          case "MPOL_PREFERRED" -> 1;
          case "MPOL_BIND" -> 2;
          case "MPOL_INTERLEAVE" -> 3;
          case "MPOL_LOCAL" -> 4;
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
