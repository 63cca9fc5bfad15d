package dev.casemate.guest;

import java.nio.file.Path;
import java.util.Optional;

/** Where a guest's kernel comes from. */
public sealed interface KernelSource {

  /**
   * A kernel package that the host's apt knows; it is downloaded and unpacked, not installed.
   *
   * @param name such as {@code linux-image-6.1.0-56-cloud-amd64} or a meta package such as {@code
   *     linux-image-cloud-amd64}; empty for the newest cloud kernel of the suite
   * @param suite a suite of Debian such as {@code trixie}; empty for the host's own
   */
  record DebianPackage(Optional<String> name, Optional<String> suite) implements KernelSource {}

  /**
   * A kernel file.
   *
   * @param kernel an ELF vmlinux or a bzImage ("vmlinuz")
   * @param modules directory of its modules such as {@code /lib/modules/RELEASE}; empty when all
   *     that a guest needs is built in
   */
  record KernelFile(Path kernel, Optional<Path> modules) implements KernelSource {}

  /**
   * A small kernel compiled here from the distribution's source, everything built in. It boots in
   * about two thirds of the time and needs 80 MB less than Debian's; compiling needs about 10
   * minutes of CPU time and 4 GiB of disk.
   *
   * @param sourcePackage such as {@code linux-source-6.1}; empty for what {@code linux-source}
   *     depends on
   * @param additions a file with further options (Kconfig's {@code CONFIG_X=y}), which win over
   *     ours; empty for none
   * @param jobs compilers at a time, 0 for the number of CPUs
   */
  record LeanBuild(Optional<String> sourcePackage, Optional<Path> additions, int jobs)
      implements KernelSource {}

  /** The newest Debian cloud kernel. */
  static KernelSource newestDebian() {
    return new DebianPackage(Optional.empty(), Optional.empty());
  }
}
