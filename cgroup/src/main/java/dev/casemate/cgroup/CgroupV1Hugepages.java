package dev.casemate.cgroup;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.oci.Resources;
import java.util.List;
import java.util.Optional;

/** Limits of huge pages beside version 1: its own controller, or that of version 2 (hybrid). */
final class CgroupV1Hugepages {
  private CgroupV1Hugepages() {}

  static void apply(CgroupV1 group, String unified, List<Resources.HugepageLimit> limits) {
    Optional<String> own = group.directory("hugetlb");
    if (own.isEmpty()) {
      if (unified.isEmpty()) {
        throw missing(limits.get(0));
      }
      CgroupV2.delegateTo(Cgroups.UNIFIED, unified.substring(Cgroups.UNIFIED.length()));
    }
    for (Resources.HugepageLimit limit : limits) {
      String size = CgroupValues.name("hugepageLimits.pageSize", limit.pageSize());
      String value = Long.toUnsignedString(limit.limit());
      String prefix = own.orElse(unified) + "/hugetlb." + size;
      String suffix = own.isPresent() ? "limit_in_bytes" : "max";
      try {
        FileContent.writeControl(prefix + "." + suffix, value);
      } catch (LinuxException e) {
        if (e.errno() == Errno.ENOENT) {
          throw missing(limit);
        }
        throw Failures.of("cgroup limit hugetlb." + size + " = " + value, e);
      }
      try {
        FileContent.writeControl(prefix + ".rsvd." + suffix, value);
      } catch (LinuxException e) {
        // Kernels before 5.7 have no such limit.
        if (e.errno() != Errno.ENOENT) {
          throw Failures.of("cgroup limit hugetlb." + size + ".rsvd = " + value, e);
        }
      }
    }
  }

  private static CasemateException missing(Resources.HugepageLimit limit) {
    return Failures.precondition(
        "hugepageLimits for pages of "
            + limit.pageSize()
            + " cannot be set: the kernel has no pages of this size, or no hugetlb controller is mounted");
  }
}
