package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.commandline.Console;
import dev.casemate.containers.SandboxClient;
import dev.casemate.linux.Signals;
import dev.casemate.linux.Tty;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Stands in for a process in a sandbox while it runs: carries its streams, hands signals on, and
 * returns its exit status. The steps that block run on a thread of their own, so that Ctrl-C is
 * heard at any moment.
 */
final class Foreground implements Streams.Listener {
  private static final int BROKEN_PIPE_STATUS = 128 + Signals.PIPE;
  private static final int KILL_AFTER_INTERRUPTS = 3;

  private final SandboxClient client;
  private final Streams streams;
  private final String execId;
  private final Runnable begin;
  private final CompletableFuture<Integer> status = new CompletableFuture<>();
  private volatile boolean started;
  private volatile int interrupted;
  private boolean outputClosed;
  private int interrupts;

  /**
   * @param execId empty for the container's init
   * @param begin creates and starts the process
   */
  Foreground(SandboxClient client, Streams streams, String execId, Runnable begin) {
    this.client = client;
    this.streams = streams;
    this.execId = execId;
    this.begin = begin;
  }

  /** Runs to the end; throws what kept the process from starting. */
  int run() {
    Thread worker = new Thread(null, this::work, "process", 256 * 1024);
    worker.setDaemon(true);
    worker.start();
    streams.carry(this);
    try {
      int code = status.join();
      return outputClosed ? BROKEN_PIPE_STATUS : code;
    } catch (CompletionException e) {
      if (interrupted != 0 && !started) {
        return 128 + interrupted;
      }
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw e;
    }
  }

  private void work() {
    try {
      begin.run();
      started = true;
      streams.processStarted();
      streams.unlink();
      streams.size().ifPresent(this::resized);
      status.complete(client.await(execId));
    } catch (RuntimeException e) {
      status.completeExceptionally(e);
    } finally {
      streams.processEnded(started);
    }
  }

  @Override
  public void signal(int number) {
    interrupted = number;
    if (number == Signals.INT) {
      interrupts++;
    }
    send(interrupts >= KILL_AFTER_INTERRUPTS ? Signals.KILL : number);
  }

  private void send(int number) {
    try {
      client.kill(execId, number, number == Signals.KILL && execId.isEmpty());
    } catch (CasemateException e) {
      // It has ended meanwhile, or the sandbox has: the status tells.
      if (e.kind() == Kind.INTERNAL) {
        Console.errLine("casemate: signal " + Signals.name(number) + ": " + e.getMessage());
      }
    }
  }

  @Override
  public void resized(Tty.Size size) {
    if (!started) {
      return;
    }
    try {
      client.resize(execId, size.columns(), size.rows());
    } catch (CasemateException ended) {
      // As above: a process that has ended has no size.
    }
  }

  @Override
  public void outputClosed() {
    // As SIGPIPE would end a local command: `casemate run … | head -1` must come to an end.
    if (!outputClosed) {
      outputClosed = true;
      send(Signals.KILL);
    }
  }
}
