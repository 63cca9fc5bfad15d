package dev.casemate.sandbox;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Poll;
import java.util.Optional;

/**
 * Carries one output stream of a guest's process to its FIFO and its log, piece by piece: a reader
 * that does not read holds up the workload, as a full pipe does, and nothing else. A reader that
 * has gone away loses output, not the workload.
 */
final class StreamPump implements Runnable {
  private static final int PIECE = 32 * 1024;

  /** Output that may still be in the guest's pipe when the process has ended, and more. */
  private static final long REST_LIMIT = 8L << 20;

  private final AgentClient agent;
  private final String containerId;
  private final String execId;
  private final boolean error;
  private final Optional<ContainerLog> log;
  private volatile Optional<Fd> fifo;
  private volatile boolean abandoned;
  private volatile long progressNanos = System.nanoTime();
  private volatile boolean ending;
  private long rest = REST_LIMIT;

  StreamPump(
      AgentClient agent,
      String containerId,
      String execId,
      boolean error,
      Optional<Fd> fifo,
      Optional<ContainerLog> log) {
    this.agent = agent;
    this.containerId = containerId;
    this.execId = execId;
    this.error = error;
    this.fifo = fifo;
    this.log = log;
  }

  /**
   * The process has ended: counts from now how long nothing moves, and how much still comes. An
   * honest guest has no more than a pipe holds.
   */
  void expectEnd() {
    ending = true;
    progressNanos = System.nanoTime();
  }

  /** For how long the reader has taken nothing of what waits for it. */
  long stuckMillis() {
    return (System.nanoTime() - progressNanos) / 1_000_000;
  }

  /** Stops waiting for a reader that does not read: what is left goes to the log only. */
  void abandonReader() {
    abandoned = true;
  }

  @Override
  public void run() {
    try {
      while (true) {
        byte[] piece = agent.readStream(error, containerId, execId, PIECE);
        progressNanos = System.nanoTime();
        if (piece.length == 0) {
          return;
        }
        if (ending) {
          rest -= piece.length;
          if (rest < 0) {
            return;
          }
        }
        log.ifPresent(file -> file.append(error ? "stderr" : "stdout", piece, piece.length));
        forward(piece);
      }
    } catch (RuntimeException e) {
      // The VM is gone, or the process was never there: the end of the stream either way.
    } catch (Error e) {
      // The workload would wait for ever for a reader that is gone.
      agent.giveUp("a stream from the guest cannot be forwarded: " + e);
    } finally {
      fifo.ifPresent(Fd::close);
    }
  }

  private void forward(byte[] piece) {
    Fd out = fifo.orElse(null);
    if (out == null) {
      return;
    }
    int done = 0;
    try {
      while (done < piece.length && !abandoned) {
        int n = out.write(piece, done, piece.length - done);
        if (n != Fd.WOULD_BLOCK) {
          progressNanos = System.nanoTime();
        }
        if (n == Fd.WOULD_BLOCK) {
          Poll.await(out, Poll.OUT, 200);
        } else {
          done += n;
        }
      }
    } catch (LinuxException e) {
      if (e.errno() != Errno.EPIPE) {
        throw e;
      }
      out.close();
      fifo = Optional.empty();
    }
  }
}
