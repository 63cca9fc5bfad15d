package dev.casemate.agent;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Pipe;
import java.util.ArrayList;
import java.util.List;

/**
 * Three pipes to a process that is being made. {@link #close} closes the ends that nobody has
 * taken.
 */
final class ProcessPipes implements AutoCloseable {
  private final List<Fd> open = new ArrayList<>();
  private final Pipe in;
  private final Pipe out;
  private final Pipe err;

  ProcessPipes() {
    try {
      in = pipe();
      out = pipe();
      err = pipe();
      in.write().nonBlocking(true);
      out.read().nonBlocking(true);
      err.read().nonBlocking(true);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private Pipe pipe() {
    Pipe pipe = Pipe.open();
    open.add(pipe.read());
    open.add(pipe.write());
    return pipe;
  }

  /** The ends for the process: standard input, output and error. */
  List<Fd> far() {
    return List.of(in.read(), out.write(), err.write());
  }

  private Fd take(Fd fd) {
    open.remove(fd);
    return fd;
  }

  Fd takeIn() {
    return take(in.write());
  }

  Fd takeOut() {
    return take(out.read());
  }

  Fd takeErr() {
    return take(err.read());
  }

  @Override
  public void close() {
    for (Fd fd : open) {
      fd.close();
    }
    open.clear();
  }
}
