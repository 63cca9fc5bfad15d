package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.oci.ProcessSpec;
import java.util.List;
import java.util.Optional;

/**
 * The security label that the command is to run with. The kernel's file is opened while /proc is
 * still the outside's, which the container has had no hand in.
 */
final class Labels {
  private final Optional<Fd> attribute;
  private final String value;

  private Labels(Optional<Fd> attribute, String value) {
    this.attribute = attribute;
    this.value = value;
  }

  /**
   * Opens what the label is written to.
   *
   * @param lenient whether a profile that the kernel cannot enforce is only a warning: in a VM of
   *     its own a container may be asked to have the outside's
   */
  static Labels open(ProcessSpec process, boolean lenient, List<String> warnings) {
    String profile = process.apparmorProfile();
    if (!profile.isEmpty() && !profile.equals("unconfined")) {
      if (isEnabled("/sys/module/apparmor/parameters/enabled", 'Y')) {
        return open("/proc/thread-self/attr/apparmor/exec", "exec " + profile);
      }
      if (!lenient) {
        throw Failures.precondition(
            "apparmorProfile \""
                + profile
                + "\" cannot be set: AppArmor is not enabled on this kernel; remove it");
      }
      warnings.add("apparmorProfile \"" + profile + "\" is not set: the kernel has no AppArmor");
    }
    String label = process.selinuxLabel();
    if (!label.isEmpty()) {
      if (Fs.exists("/sys/fs/selinux/enforce")) {
        return open("/proc/thread-self/attr/exec", label);
      }
      warnings.add("selinuxLabel \"" + label + "\" is not set: the kernel has no SELinux");
    }
    return new Labels(Optional.empty(), "");
  }

  private static boolean isEnabled(String parameter, char yes) {
    try {
      return FileContent.readString(parameter, 16).indexOf(yes) >= 0;
    } catch (LinuxException e) {
      return false;
    }
  }

  private static Labels open(String path, String value) {
    try {
      return new Labels(Optional.of(Fs.open(path, OpenFlag.WRITE_ONLY)), value);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT && path.contains("/apparmor/")) {
        // Before 5.8 there was one file for all security modules.
        return open("/proc/thread-self/attr/exec", value);
      }
      throw e;
    }
  }

  boolean none() {
    return attribute.isEmpty();
  }

  /** Leaves the writing to the last steps: it counts for the next exec. */
  void apply(FinalExec exec) {
    attribute.ifPresent(file -> exec.label(file, value));
  }
}
