package dev.casemate.cell;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Stat;
import dev.casemate.oci.IdMapping;
import dev.casemate.oci.LinuxSpec;
import java.util.List;
import java.util.Optional;

/** Makes a process's streams its user's, so that it may reopen /dev/stdout and the like. */
final class StreamOwner {
  private StreamOwner() {}

  /** By the process itself, while it is root. */
  static void own(List<Fd> streams, int uid) {
    for (Fd stream : streams) {
      Stat stat = Fs.stat(stream);
      boolean nothing =
          stat.type() == Stat.CHARACTER && stat.deviceMajor() == 1 && stat.deviceMinor() == 3;
      if (!nothing && stat.uid() != uid) {
        give(stream, uid);
      }
    }
  }

  /**
   * By the engine, for a container with a user namespace: root in there has no right to give away
   * the pipes of the caller. Files of the caller stay the caller's.
   *
   * @param uid in the container
   */
  static void ownPipes(List<Fd> streams, LinuxSpec linux, int uid) {
    Optional<Integer> outside = IdMapping.outside(uid, linux.uidMappings());
    if (outside.isEmpty()) {
      return;
    }
    for (Fd stream : streams) {
      Stat stat = Fs.stat(stream);
      if (stat.type() == Stat.FIFO && stat.uid() != outside.get()) {
        give(stream, outside.get());
      }
    }
  }

  private static void give(Fd stream, int uid) {
    try {
      Fs.chown(stream, uid, -1);
    } catch (LinuxException e) {
      if (e.errno() != Errno.EINVAL && e.errno() != Errno.EPERM && e.errno() != Errno.EROFS) {
        throw e;
      }
    }
  }
}
