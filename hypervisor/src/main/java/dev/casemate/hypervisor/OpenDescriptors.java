package dev.casemate.hypervisor;

import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Text;

/** Counts the descriptors of a process and its children. */
final class OpenDescriptors {
  private static final int LIMIT = 64 * 1024;

  private OpenDescriptors() {}

  /** Of a process and its children, those of the one with the most; 0 if they have ended. */
  static long most(int pid) {
    long most = 0;
    try {
      most = of(pid);
      String children =
          FileContent.readString("/proc/" + pid + "/task/" + pid + "/children", LIMIT);
      for (String child : Text.split(children.strip(), ' ')) {
        if (!child.isEmpty()) {
          most = Math.max(most, of(Integer.parseInt(child)));
        }
      }
    } catch (LinuxException e) {
      // Ended meanwhile, or a kernel without CONFIG_PROC_CHILDREN.
    }
    return most;
  }

  private static long of(int pid) {
    String directory = "/proc/" + pid + "/fd";
    // Since Linux 6.2 the directory's size says it.
    long size = Fs.stat(directory).size();
    return size > 0 ? size : count(directory);
  }

  /** By reading the directory: there may be a million, so not with their names. */
  static long count(String directory) {
    try (Fd opened = Fs.open(directory, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY)) {
      return Fs.count(opened);
    }
  }
}
