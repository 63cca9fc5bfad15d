package dev.casemate.cell;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.oci.ProcessSpec;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * The security label that the command is to run with. The kernel's file is opened while /proc is
 * still the outside's, which the container has had no hand in.
 */
final class Labels {
  private final Optional<Fd> attribute;
  private final String value;
  private final List<String> warnings;

  private Labels(Optional<Fd> attribute, String value, List<String> warnings) {
    this.attribute = attribute;
    this.value = value;
    this.warnings = warnings;
  }

  static Labels open(ProcessSpec process, List<String> warnings) {
    String profile = process.apparmorProfile();
    String value = process.selinuxLabel();
    if (!profile.isEmpty() && !profile.equals("unconfined")) {
      value = "exec " + profile;
    }
    if (value.isEmpty()) {
      return new Labels(Optional.empty(), "", warnings);
    }
    for (String path : List.of("/proc/self/attr/apparmor/exec", "/proc/self/attr/exec")) {
      try {
        return new Labels(Optional.of(Fs.open(path, OpenFlag.WRITE_ONLY)), value, warnings);
      } catch (LinuxException e) {
        if (e.errno() != Errno.ENOENT) {
          throw e;
        }
      }
    }
    warnings.add("label \"" + value + "\" is not set: the kernel has no security module for it");
    return new Labels(Optional.empty(), "", warnings);
  }

  void apply() {
    if (attribute.isEmpty()) {
      return;
    }
    try (Fd fd = attribute.get()) {
      fd.writeAll(value.getBytes(StandardCharsets.UTF_8));
    } catch (LinuxException e) {
      if (e.errno() != Errno.EINVAL && e.errno() != Errno.EOPNOTSUPP) {
        throw e;
      }
      warnings.add("label \"" + value + "\" is not set: no security module takes it");
    }
  }
}
