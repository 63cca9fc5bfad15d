package dev.casemate.sandbox;

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

  /**
   * Opens the FIFO.
   *
   * @param stop becomes readable when the process has ended
   */
  StdinPump(AgentClient agent, String containerId, String execId, String path, Fd stop) {
    this.agent = agent;
    this.containerId = containerId;
    this.execId = execId;
    this.fifo = Fs.open(path, OpenFlag.READ_ONLY | OpenFlag.NON_BLOCK);
    this.stop = stop;
  }

  @Override
  public void run() {
    byte[] piece = new byte[PIECE];
    try (fifo) {
      while (true) {
        int[] ready =
            Poll.await(new int[] {fifo.number(), stop.number()}, new int[] {Poll.IN, Poll.IN}, -1);
        if (ready[1] != 0) {
          return;
        }
        int n = fifo.read(piece, 0, piece.length);
        if (n == Fd.WOULD_BLOCK) {
          continue;
        }
        if (n == Fd.END) {
          agent.closeStdin(containerId, execId);
          return;
        }
        agent.writeStdin(containerId, execId, java.util.Arrays.copyOf(piece, n));
      }
    } catch (RuntimeException e) {
      // The process or the VM has ended: nobody wants the rest.
    }
  }

  @Override
  public void close() {
    fifo.close();
  }
}
