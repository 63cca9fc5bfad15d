package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import java.util.Optional;

/** Copies a VM's state from one descriptor to another, and remembers what went wrong. */
final class StatePump extends Thread {
  private static final int PIECE = 256 * 1024;

  /** How long the pipe may take to end once QEMU says that it has sent all. */
  private static final int END_MILLIS = 30_000;

  private final String vmId;
  private final Fd from;
  private final Fd to;
  private final Fd pipe;
  private final long limit;
  private volatile Optional<CasemateException> failure = Optional.empty();

  /**
   * Starts at once.
   *
   * @param pipe the one of the two that QEMU has the other end of; closed at the end
   * @param limit in bytes; a QEMU that its guest has taken over could send for ever
   */
  StatePump(String vmId, Fd from, Fd to, Fd pipe, long limit) {
    super("migration");
    this.vmId = vmId;
    this.from = from;
    this.to = to;
    this.pipe = pipe;
    this.limit = limit;
    setDaemon(true);
    start();
  }

  /**
   * How long the state of a VM may be: its memory once, as it stands still meanwhile, with a head
   * for each page, and its devices.
   */
  static long limit(int memoryMib) {
    long memory = (long) memoryMib << 20;
    return memory + memory / 64 + (256L << 20);
  }

  @Override
  public void run() {
    byte[] piece = new byte[PIECE];
    long left = limit;
    // QEMU sees the end of the pipe, however this ends.
    try (pipe) {
      while (true) {
        int n = from.read(piece, 0, PIECE);
        if (n == Fd.END) {
          return;
        }
        left -= n;
        if (left < 0) {
          throw CasemateException.of(
              Kind.RESOURCE_EXHAUSTED,
              "VM "
                  + vmId
                  + ": QEMU sent more than "
                  + limit
                  + " bytes as its state, which a VM of this size cannot have: kill the VM");
        }
        to.writeAll(piece, 0, n);
      }
    } catch (LinuxException e) {
      failure =
          Optional.of(
              CasemateException.of(
                  e.errno() == Errno.ENOSPC ? Kind.RESOURCE_EXHAUSTED : Kind.INTERNAL,
                  "VM "
                      + vmId
                      + (pipe == from
                          ? ": its state cannot be written: "
                          : ": its state cannot be read: ")
                      + e.getMessage(),
                  e));
    } catch (CasemateException e) {
      failure = Optional.of(e);
    } catch (IllegalStateException e) {
      // Given up, and the other descriptor closed.
    }
  }

  Optional<CasemateException> failure() {
    return failure;
  }

  /**
   * Waits for the end of the pipe.
   *
   * @throws CasemateException what went wrong; TIMEOUT if QEMU keeps its end open
   */
  void end() {
    end(END_MILLIS);
  }

  void end(int millis) {
    try {
      join(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (failure.isPresent()) {
      throw failure.get();
    }
    if (isAlive()) {
      throw CasemateException.of(
          Kind.TIMEOUT,
          "VM "
              + vmId
              + ": QEMU reported the end of its state and sent none within "
              + millis
              + " ms: kill the VM");
    }
  }
}
