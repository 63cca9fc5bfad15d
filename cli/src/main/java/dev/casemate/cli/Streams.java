package dev.casemate.cli;

import dev.casemate.linux.Errno;
import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Machine;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Signals;
import dev.casemate.linux.Tty;
import dev.casemate.sandbox.Stdio;
import java.util.Arrays;
import java.util.Optional;

/**
 * This process's standard streams joined to those of a process in a sandbox, byte for byte, by
 * FIFOs in the sandbox's directory; signals and the terminal's size go along. One thread carries
 * all of it.
 */
final class Streams implements AutoCloseable {
  /** What happens besides bytes. */
  interface Listener {
    /** A signal arrived for the workload. */
    void signal(int number);

    /** The terminal has a new size. */
    void resized(Tty.Size size);

    /** The reader of our output has gone. */
    void outputClosed();
  }

  /** The signals that are handed on; blocked so that none is lost before it is read. */
  private static final int[] FORWARDED = {
    Signals.INT, Signals.TERM, Signals.HUP, Signals.QUIT, Signals.USR1, Signals.USR2, Signals.WINCH
  };

  private static final int PIECE = 32 * 1024;

  /** How long output may still arrive after the news of the end. */
  private static final int DRAIN_MILLIS = 3_000;

  private final String directory;
  private final boolean terminal;
  private final boolean interactive;
  private Optional<Fd> stdinFifo = Optional.empty();
  private final Fd stdoutFifo;
  private final Optional<Fd> stderrFifo;
  private final Fd signals;
  private final Fd wakeUp = EventFd.open();
  private Optional<Tty.Settings> settings = Optional.empty();
  private final byte[] piece = new byte[PIECE];
  private byte[] pendingInput = new byte[0];
  private volatile boolean drain = true;
  private volatile boolean finished;
  private volatile boolean inputWanted;
  private boolean stdoutEnded;
  private boolean stderrEnded;
  private boolean ended;
  private long firstByteMicros;

  /**
   * Blocks the signals that {@link Streams} forwards; call before anything that a signal should
   * interrupt in order.
   */
  static void blockSignals() {
    Signals.block(FORWARDED);
  }

  /**
   * Makes the FIFOs.
   *
   * @param sandboxDirectory the sandbox's run directory, with which the FIFOs go away
   */
  Streams(String sandboxDirectory, boolean interactive, boolean terminal) {
    this.directory = sandboxDirectory + "/io-" + Machine.randomHex(8);
    this.terminal = terminal;
    this.interactive = interactive;
    Fs.makeDirectory(directory, 0700);
    this.signals = Signals.descriptor(true, FORWARDED);
    this.stdoutFifo = open("stdout", OpenFlag.READ_ONLY);
    this.stderrFifo = terminal ? Optional.empty() : Optional.of(open("stderr", OpenFlag.READ_ONLY));
    this.stderrEnded = terminal;
    if (interactive) {
      // Read-write, so that opening does not wait for the reader.
      stdinFifo = Optional.of(open("stdin", OpenFlag.READ_WRITE));
    }
  }

  private Fd open(String name, int mode) {
    Fs.makeFifo(directory + "/" + name, 0600);
    return Fs.open(directory + "/" + name, mode | OpenFlag.NON_BLOCK);
  }

  /** The paths for the sandbox. */
  Stdio stdio() {
    return new Stdio(
        interactive ? directory + "/stdin" : "",
        directory + "/stdout",
        terminal ? "" : directory + "/stderr",
        terminal);
  }

  /**
   * Tells {@link #carry} that the process has ended; from any thread.
   *
   * @param ran whether it ever ran, so that output may still be on its way
   */
  void processEnded(boolean ran) {
    drain = ran;
    finished = true;
    EventFd.signal(wakeUp);
  }

  /**
   * Tells {@link #carry} that the process reads its standard input. Before, nothing may be written:
   * a FIFO that is closed again before its reader has opened it forgets what was in it.
   */
  void processStarted() {
    inputWanted = true;
    EventFd.signal(wakeUp);
  }

  /**
   * Takes the names of the FIFOs away once both sides have them open: then nothing is left of them
   * whatever happens to us.
   */
  void unlink() {
    FileTree.removeTree(directory);
  }

  /** Puts our terminal in raw mode if the process has one; undone by {@link #close}. */
  void enterRawMode() {
    if (terminal && interactive && Tty.isTerminal(Fd.STDIN)) {
      settings = Optional.of(Tty.raw(Fd.STDIN));
    }
  }

  /** Carries bytes and signals until {@link #processEnded} was called and the output is through. */
  void carry(Listener listener) {
    long deadline = 0;
    while (!(ended && stdoutEnded && stderrEnded)) {
      int timeout = -1;
      if (ended) {
        timeout = (int) ((deadline - System.nanoTime()) / 1_000_000);
        if (timeout <= 0) {
          return;
        }
      }
      boolean wantInput =
          inputWanted && stdinFifo.isPresent() && pendingInput.length == 0 && !ended;
      boolean wantSpace = stdinFifo.isPresent() && pendingInput.length > 0 && !ended;
      int[] ready =
          Poll.await(
              new int[] {
                wantInput ? 0 : -1,
                wantSpace ? stdinFifo.get().number() : -1,
                stdoutEnded ? -1 : stdoutFifo.number(),
                stderrEnded ? -1 : stderrFifo.orElseThrow().number(),
                signals.number(),
                ended ? -1 : wakeUp.number()
              },
              new int[] {Poll.IN, Poll.OUT, Poll.IN, Poll.IN, Poll.IN, Poll.IN},
              timeout);
      if (ready[0] != 0) {
        readInput();
      }
      if (ready[0] != 0 || ready[1] != 0) {
        forwardInput();
      }
      if (ready[2] != 0) {
        stdoutEnded = !forwardOutput(stdoutFifo, Fd.STDOUT, listener);
      }
      if (ready[3] != 0) {
        stderrEnded = !forwardOutput(stderrFifo.orElseThrow(), Fd.STDERR, listener);
      }
      if (ready[4] != 0) {
        forwardSignals(listener);
      }
      if (ready[5] != 0) {
        EventFd.drain(wakeUp);
        if (finished && !drain) {
          return;
        }
        if (finished) {
          ended = true;
          deadline = System.nanoTime() + DRAIN_MILLIS * 1_000_000L;
        }
      }
    }
  }

  private void readInput() {
    int n;
    try {
      n = Fd.STDIN.read(piece, 0, piece.length);
    } catch (LinuxException e) {
      // A terminal that was taken away reads as EIO: the end of the input.
      n = Fd.END;
    }
    if (n == Fd.END) {
      stdinFifo.ifPresent(Fd::close);
      stdinFifo = Optional.empty();
    } else if (n > 0) {
      pendingInput = Arrays.copyOf(piece, n);
    }
  }

  private void forwardInput() {
    if (stdinFifo.isEmpty() || pendingInput.length == 0) {
      return;
    }
    int n = stdinFifo.get().write(pendingInput, 0, pendingInput.length);
    if (n > 0) {
      pendingInput = Arrays.copyOfRange(pendingInput, n, pendingInput.length);
    }
  }

  /** Carries one piece; false at the end of the stream. */
  private boolean forwardOutput(Fd from, Fd to, Listener listener) {
    int n = from.read(piece, 0, piece.length);
    if (n == Fd.WOULD_BLOCK) {
      return true;
    }
    if (n == Fd.END) {
      return false;
    }
    if (firstByteMicros == 0) {
      firstByteMicros = Machine.monotonicMicros();
    }
    try {
      to.writeAll(piece, 0, n);
      return true;
    } catch (LinuxException e) {
      if (e.errno() != Errno.EPIPE) {
        throw e;
      }
      listener.outputClosed();
      return false;
    }
  }

  private void forwardSignals(Listener listener) {
    while (true) {
      int signal = Signals.read(signals);
      if (signal == Fd.WOULD_BLOCK) {
        return;
      }
      if (signal == Signals.WINCH) {
        size().ifPresent(listener::resized);
      } else {
        listener.signal(signal);
      }
    }
  }

  /** When the first output arrived (monotonic clock); 0 if none did. */
  long firstByteMicros() {
    return firstByteMicros;
  }

  /** The size of our terminal, if the process has a terminal and so have we. */
  Optional<Tty.Size> size() {
    return terminal && Tty.isTerminal(Fd.STDOUT)
        ? Optional.of(Tty.size(Fd.STDOUT))
        : Optional.empty();
  }

  @Override
  public void close() {
    settings.ifPresent(before -> Tty.restore(Fd.STDIN, before));
    stdinFifo.ifPresent(Fd::close);
    stdoutFifo.close();
    stderrFifo.ifPresent(Fd::close);
    signals.close();
    wakeUp.close();
    FileTree.removeTree(directory);
  }
}
