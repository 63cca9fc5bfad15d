package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.hypervisor.Virtiofsd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.protocol.casemate.GuestService;
import dev.casemate.protocol.google.Empty;
import dev.casemate.rpc.ConnectionLostException;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Keeps the daemon of the shares within its limit of descriptors. It holds one for each file whose
 * name the guest's kernel knows, and that forgets none while it has memory: after a walk over a
 * large tree the daemon could open nothing more. So the guest is asked to forget in time.
 */
final class KnownFiles {
  private static final int SHORTEST_MILLIS = 100;
  private static final int LONGEST_MILLIS = 1000;

  /** Under emulation a guest learns of fewer than a tenth of these in a millisecond. */
  private static final int FILES_PER_MILLI = 100;

  private final LongSupplier count;
  private final long limit;
  private final Runnable forget;
  private final Consumer<String> warnings;
  private long next;
  private boolean wasFull;
  private boolean warned;

  /**
   * Creates the watch.
   *
   * @param count of the daemon's descriptors
   * @param limit of them
   * @param forget has the guest forget what no process has open
   */
  KnownFiles(LongSupplier count, long limit, Runnable forget, Consumer<String> warnings) {
    this.count = count;
    this.limit = limit;
    this.forget = forget;
    this.warnings = warnings;
    this.next = limit / 2;
  }

  /** Follows a daemon until it ends, or the guest is gone or too old. */
  static void follow(Virtiofsd daemon, AgentClient agent, Consumer<String> warnings) {
    long limit = daemon.mostDescriptors();
    if (limit == 0) {
      return;
    }
    KnownFiles files =
        new KnownFiles(
            daemon::descriptors,
            limit,
            () ->
                agent.call(
                    GuestService.NAME,
                    GuestService.FORGET_FILES,
                    Empty.builder().build(),
                    AgentClient.CALL_TIMEOUT_MILLIS),
            warnings);
    Fd process = Processes.openPid(daemon.pid());
    Threads.start("files", () -> files.run(process));
  }

  private void run(Fd process) {
    try (process) {
      watch(process);
    }
  }

  private void watch(Fd process) {
    int pause = (int) Math.max(SHORTEST_MILLIS, Math.min(LONGEST_MILLIS, limit / FILES_PER_MILLI));
    while (Poll.await(process, Poll.IN, pause) == 0) {
      try {
        check();
      } catch (ConnectionLostException e) {
        return;
      } catch (RpcException e) {
        if (e.status() == RpcStatus.UNIMPLEMENTED) {
          warnings.accept(
              "the guest is too old to forget files of volumes: more than "
                  + limit
                  + " cannot be opened; run: casemate guest build");
          return;
        }
        // Otherwise it is busy, or stopped: later.
      } catch (CasemateException e) {
        return;
      }
    }
  }

  /** Has the guest forget if it knows too many files. */
  void check() {
    long now = count.getAsLong();
    if (now < next) {
      // The daemon closes what the guest forgets little by little.
      next = Math.min(next, after(now));
      wasFull = false;
      return;
    }
    forget.run();
    // What processes have open stays, and asking again at once would only cost the guest its cache.
    long left = count.getAsLong();
    next = after(left);
    boolean full = now >= full();
    if (full && wasFull && !warned) {
      warned = true;
      warnings.accept(
          "the guest's processes hold "
              + left
              + " files of volumes, and virtiofsd may open "
              + limit
              + "; raise the limit of open files (ulimit -Hn) for what starts the VM");
    }
    wasFull = full;
  }

  /** With so many there is hardly room for more: the guest is asked each time. */
  private long full() {
    return limit - limit / 16;
  }

  private long after(long left) {
    return Math.min(Math.max(limit / 2, left + limit / 8), full());
  }
}
