package dev.casemate.cell;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.oci.LinuxSpec;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;

/**
 * Namespaces that this process takes on for its next child and gives back after the fork: a pid or
 * time namespace is entered by being born in it. The process itself stays where it is (that of
 * time: for the moment), and the child needs no helper that would be its parent.
 */
final class Borrowed implements AutoCloseable {
  private Optional<Fd> ownPid = Optional.empty();
  private Optional<Fd> ownTime = Optional.empty();

  private Borrowed() {}

  static Borrowed nothing() {
    return new Borrowed();
  }

  /** The pid and time namespaces that a container's first process is to be born in. */
  static Borrowed of(Namespaces namespaces, LinuxSpec linux) {
    String pid = namespaces.joined.getOrDefault(Processes.CLONE_NEWPID, "");
    boolean time = namespaces.isFresh(Processes.CLONE_NEWTIME);
    if (pid.isEmpty() && !time) {
      return nothing();
    }
    Borrowed borrowed = new Borrowed();
    try {
      if (!pid.isEmpty()) {
        try (Fd namespace = InitProcess.open(pid)) {
          borrowed.takePid(namespace);
        }
      }
      if (time) {
        borrowed.ownTime = Optional.of(Fs.open("/proc/self/ns/time", 0));
        try (Fd offsets = openOffsets()) {
          Processes.unshare(Processes.CLONE_NEWTIME);
          offset(offsets, linux.timeOffsets());
        }
      }
      return borrowed;
    } catch (RuntimeException e) {
      borrowed.close();
      throw e;
    }
  }

  /** The pid namespace of a process. */
  static Borrowed pid(Fd pidfd) {
    Borrowed borrowed = new Borrowed();
    try {
      borrowed.takePid(pidfd);
      return borrowed;
    } catch (RuntimeException e) {
      borrowed.close();
      throw e;
    }
  }

  private void takePid(Fd namespace) {
    ownPid = Optional.of(Fs.open("/proc/self/ns/pid", 0));
    Processes.joinNamespace(namespace, Processes.CLONE_NEWPID);
  }

  /** To be opened before this process is hidden, or in a user namespace. */
  static Fd openOffsets() {
    return Fs.open("/proc/self/timens_offsets", OpenFlag.WRITE_ONLY);
  }

  /** Sets the clocks of the namespace of time that the next child is to be born in. */
  static void offset(Fd file, Map<String, LinuxSpec.TimeOffset> offsets) {
    StringBuilder lines = new StringBuilder();
    for (Map.Entry<String, LinuxSpec.TimeOffset> offset : offsets.entrySet()) {
      lines
          .append(offset.getKey())
          .append(' ')
          .append(offset.getValue().seconds())
          .append(' ')
          .append(offset.getValue().nanoseconds())
          .append('\n');
    }
    if (!lines.isEmpty()) {
      file.writeAll(lines.toString().getBytes(StandardCharsets.UTF_8));
    }
  }

  /** In the parent: back to what it was. The child has its own copies, which it closes with all. */
  @Override
  public void close() {
    if (ownTime.isPresent()) {
      try (Fd own = ownTime.get()) {
        Processes.joinNamespace(own, Processes.CLONE_NEWTIME);
      }
      ownTime = Optional.empty();
    }
    if (ownPid.isPresent()) {
      try (Fd own = ownPid.get()) {
        Processes.joinNamespace(own, Processes.CLONE_NEWPID);
      }
      ownPid = Optional.empty();
    }
  }
}
