package dev.casemate.ocicli;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Signals;
import dev.casemate.linux.Tty;
import org.jspecify.annotations.Nullable;

/**
 * A process that has this command's terminal or streams: its signals are ours, and so is its exit
 * status. With a terminal of its own, ours becomes raw and what is typed and printed is passed on.
 */
final class Foreground implements AutoCloseable {
  private static final int[] FORWARDED = {
    Signals.HUP,
    Signals.INT,
    Signals.QUIT,
    Signals.USR1,
    Signals.USR2,
    Signals.ALRM,
    Signals.TERM,
    Signals.CONT,
    Signals.TSTP,
    Signals.WINCH
  };
  private static final int CHUNK = 32 * 1024;

  private final Fd signals;
  private final byte[] chunk = new byte[CHUNK];
  private byte[] typed = new byte[0];
  private int typedDone;
  private boolean inputOpen = true;
  private boolean outputOpen = true;
  private Tty.@Nullable Settings settings;

  private Foreground(Fd signals) {
    this.signals = signals;
  }

  /** From now on signals wait for the process; call it before the process is made. */
  static Foreground prepare() {
    Signals.block(FORWARDED);
    return new Foreground(Signals.descriptor(true, FORWARDED));
  }

  /** Stays with the process until its end; returns its exit status. */
  int follow(Engine.Running process) {
    Fd master = process.terminal().orElse(null);
    if (master != null) {
      begin(master);
    }
    while (true) {
      int[] fds = {
        signals.number(),
        process.ended().number(),
        master != null && outputOpen ? master.number() : -1,
        master != null && inputOpen && typedDone == typed.length ? 0 : -1
      };
      int wanted = Poll.IN | (typedDone < typed.length ? Poll.OUT : 0);
      int[] ready = Poll.await(fds, new int[] {Poll.IN, Poll.IN, wanted, Poll.IN}, -1);
      if (ready[0] != 0) {
        passSignals(process, master);
      }
      if (master != null) {
        if (ready[2] != 0) {
          write(master);
          read(master);
        }
        if (ready[3] != 0) {
          type(master);
        }
      }
      if (ready[1] != 0) {
        drain(master);
        return process.await();
      }
    }
  }

  private void begin(Fd master) {
    if (Tty.isTerminal(Fd.STDIN)) {
      Tty.resize(master, Tty.size(Fd.STDIN));
      settings = Tty.raw(Fd.STDIN);
    }
    // Both directions wait for each other in a program that echoes: neither may block us.
    master.nonBlocking(true);
  }

  private void passSignals(Engine.Running process, @Nullable Fd master) {
    for (int signal = Signals.read(signals);
        signal != Fd.WOULD_BLOCK;
        signal = Signals.read(signals)) {
      if (signal == Signals.WINCH) {
        if (master != null && Tty.isTerminal(Fd.STDIN)) {
          Tty.resize(master, Tty.size(Fd.STDIN));
        }
      } else {
        process.signal(signal);
      }
    }
  }

  private void type(Fd master) {
    int n = Fd.STDIN.read(chunk, 0, chunk.length);
    if (n == Fd.END) {
      inputOpen = false;
    } else if (n > 0) {
      typed = java.util.Arrays.copyOf(chunk, n);
      typedDone = 0;
      write(master);
    }
  }

  private void write(Fd master) {
    while (typedDone < typed.length) {
      try {
        int n = master.write(typed, typedDone, typed.length - typedDone);
        if (n == Fd.WOULD_BLOCK) {
          return;
        }
        typedDone += n;
      } catch (LinuxException e) {
        // No process has the terminal open any more.
        typedDone = typed.length;
      }
    }
  }

  /** One piece of output; whether there was one. */
  private boolean read(Fd master) {
    try {
      int n = master.read(chunk, 0, chunk.length);
      if (n > 0) {
        Fd.STDOUT.writeAll(chunk, 0, n);
        return true;
      }
      if (n == Fd.END) {
        outputOpen = false;
      }
      return false;
    } catch (LinuxException e) {
      // EIO: the last process has closed the terminal. EPIPE: our output has no reader.
      if (e.errno() != Errno.EIO && e.errno() != Errno.EPIPE) {
        throw e;
      }
      outputOpen = false;
      return false;
    }
  }

  private void drain(@Nullable Fd master) {
    boolean more = master != null && outputOpen;
    while (more && master != null) {
      more = read(master);
    }
  }

  @Override
  public void close() {
    if (settings != null) {
      Tty.restore(Fd.STDIN, settings);
    }
    signals.close();
  }
}
