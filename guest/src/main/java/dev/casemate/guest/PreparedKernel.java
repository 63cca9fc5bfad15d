package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A kernel that is ready to be put into a guest.
 *
 * @param image the uncompressed kernel
 * @param modules its modules; empty when all is built in
 * @param builtin the features that are built in, when there are no modules; empty when that is not
 *     known
 * @param stripSignatures whether the kernel loads modules without a signature
 * @param source the package's name or the file
 * @param sourceVersion the package's version, empty for a file
 */
record PreparedKernel(
    KernelImage image,
    Optional<ModuleTree> modules,
    List<String> builtin,
    boolean stripSignatures,
    String source,
    String sourceVersion) {

  /** The features with their modules; checks that the modules were built for this kernel. */
  Map<String, List<String>> groups(List<String> extra, Progress progress) {
    if (modules.isEmpty()) {
      return ModuleGroups.builtin(builtin, extra);
    }
    Map<String, List<String>> groups = ModuleGroups.resolve(modules.get(), extra, progress);
    for (String name : ModuleGroups.union(groups)) {
      String release = modules.get().load(name).release();
      if (!release.equals(image.release())) {
        throw CasemateException.of(
            Kind.INVALID_ARGUMENT,
            "Kernel module "
                + name
                + " is for kernel "
                + release
                + ", and the kernel "
                + source
                + " is "
                + image.release()
                + ". Use the modules of that kernel (/lib/modules/"
                + image.release()
                + ")");
      }
    }
    return groups;
  }
}
