package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import java.util.Optional;

/**
 * The pidfd of a container's first process: looks whether that process lives, signals it, and waits
 * for its end. A later process of the same pid is never taken for it.
 */
final class FirstProcess implements AutoCloseable {
  private static final int END_WAIT_MILLIS = 10_000;

  private final String containerId;
  private Optional<Fd> pidfd;

  /**
   * Takes over a pidfd.
   *
   * @param containerId for messages
   * @param pidfd empty if the process is gone
   */
  FirstProcess(String containerId, Optional<Fd> pidfd) {
    this.containerId = containerId;
    this.pidfd = pidfd;
  }

  /** Opens the process that a record names, unless it is gone. */
  static FirstProcess find(ContainerRecord record) {
    Optional<Fd> pidfd = Optional.empty();
    if (record.pid() > 0) {
      try {
        pidfd = Optional.of(Processes.openPid(record.pid()));
      } catch (LinuxException e) {
        if (e.errno() != Errno.ESRCH && e.errno() != Errno.EINVAL) {
          throw Failures.of("looking at container " + record.id(), e);
        }
      }
      // Looked at once it cannot become another process any more.
      if (pidfd.isPresent()
          && Processes.startTime(record.pid()).orElse(-1L) != record.startTime()) {
        pidfd.get().close();
        pidfd = Optional.empty();
      }
    }
    return new FirstProcess(record.id(), pidfd);
  }

  /** The pidfd, which stays this object's; empty if the process is gone, and after the close. */
  Optional<Fd> pidfd() {
    return pidfd;
  }

  /** A pidfd can be read from once its process has ended, waited for or not. */
  boolean isAlive() {
    return pidfd.isPresent() && Poll.await(pidfd.get(), Poll.IN, 0) == 0;
  }

  /**
   * Sends SIGKILL; a process that has ended meanwhile is fine.
   *
   * @throws CasemateException if the kernel refuses it
   */
  void kill() {
    if (pidfd.isEmpty()) {
      return;
    }
    try {
      Processes.signalPid(pidfd.get(), Signals.KILL);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ESRCH) {
        throw Failures.of("killing container " + containerId, e);
      }
    }
  }

  /** Waits until the process has ended, for at most 10 s. */
  void awaitEnd() {
    if (pidfd.isPresent()) {
      Poll.await(pidfd.get(), Poll.IN, END_WAIT_MILLIS);
    }
  }

  @Override
  public void close() {
    pidfd.ifPresent(Fd::close);
    pidfd = Optional.empty();
  }
}
