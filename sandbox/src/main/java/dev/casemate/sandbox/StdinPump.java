package dev.casemate.sandbox;

import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Poll;

/** Carries a caller's FIFO to the standard input of a guest's process. */
final class StdinPump implements Runnable, AutoCloseable {
  private static final int PIECE = 32 * 1024;

  private final AgentClient agent;
  private final String containerId;
  private final String execId;
  private final Fd fifo;
  private final Fd stop;
  private final Fd drain = EventFd.open();

  /**
   * Opens the FIFO.
   *
   * @param lasting whether writers may come and go, as those who attach do: it then ends by {@link
   *     #drain} only, not with the last writer
   * @param stop becomes readable when the process has ended
   */
  StdinPump(
      AgentClient agent, String containerId, String execId, String path, boolean lasting, Fd stop) {
    this.agent = agent;
    this.containerId = containerId;
    this.execId = execId;
    // One who reads and writes is a writer that stays.
    int access = lasting ? OpenFlag.READ_WRITE : OpenFlag.READ_ONLY;
    this.fifo = Fs.open(path, access | OpenFlag.NON_BLOCK);
    this.stop = stop;
  }

  @Override
  public void run() {
    byte[] piece = new byte[PIECE];
    try (fifo;
        drain) {
      while (true) {
        int[] ready =
            Poll.await(
                new int[] {fifo.number(), stop.number(), drain.number()},
                new int[] {Poll.IN, Poll.IN, Poll.IN},
                -1);
        if (ready[1] != 0) {
          return;
        }
        int n = fifo.read(piece, 0, piece.length);
        if (n == Fd.WOULD_BLOCK && ready[2] == 0) {
          continue;
        }
        if (n == Fd.END || n == Fd.WOULD_BLOCK) {
          agent.closeStdin(containerId, execId);
          return;
        }
        agent.writeStdin(containerId, execId, java.util.Arrays.copyOf(piece, n));
      }
    } catch (RuntimeException e) {
      // The process or the VM has ended and does not need the rest.
    } catch (Error e) {
      agent.giveUp("a stream to the guest cannot be forwarded: " + e);
    }
  }

  /** Carries what there is, and then ends the stream although its writer has not. */
  void drain() {
    try {
      EventFd.signal(drain);
    } catch (RuntimeException e) {
      // It has ended meanwhile.
    }
  }

  @Override
  public void close() {
    fifo.close();
    drain.close();
  }
}
