package dev.casemate.guest;

import dev.casemate.protocol.GuestContract;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What a VM boots: a kernel and its first root. Read from {@code guest.json}.
 *
 * @param name its name in the store
 * @param directory its location
 * @param kernelRelease what {@code uname -r} says in the guest, such as {@code
 *     6.1.0-56-cloud-amd64}
 * @param source where the kernel comes from: a package's name, or a file
 * @param sourceVersion the package's version, empty for a file
 * @param groups features, each with its modules in load order; one that is built into the kernel
 *     has none
 * @param agentSha256 SHA-256 of the agent in the initramfs, in hexadecimal
 * @param created when it was built, ISO 8601 in UTC
 * @param kernelBytes size of {@code vmlinux}
 * @param initramfsBytes size of {@code initramfs.cpio}
 */
public record Guest(
    String name,
    Path directory,
    String kernelRelease,
    String source,
    String sourceVersion,
    Map<String, List<String>> groups,
    String agentSha256,
    String created,
    long kernelBytes,
    long initramfsBytes) {

  /** The uncompressed kernel, an ELF file with a PVH entry point. */
  public Path kernel() {
    return directory.resolve(GuestStore.KERNEL);
  }

  /** The first root, a cpio archive that is not packed. */
  public Path initramfs() {
    return directory.resolve(GuestStore.INITRAMFS);
  }

  /** Whether the guest has a feature of {@link ModuleGroups#all}, as modules or built in. */
  public boolean supports(String feature) {
    return groups.containsKey(feature);
  }

  /** Whether containers get modules that are not in the initramfs. */
  public boolean hasModulesOnDemand() {
    return Files.exists(directory.resolve(GuestContract.MODULE_PACK));
  }

  /** All modules in the initramfs, in an order in which they can be loaded. */
  public List<String> modules() {
    return ModuleGroups.union(groups);
  }
}
