package dev.casemate.agent;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Tty;
import dev.casemate.protocol.agent.WaitProcessResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A process that the host asked for: its streams, its end and who waits for that. */
final class GuestProcess {
  /** How long others may still write to an ended process's streams before it counts as over. */
  private static final int GRACE_MILLIS = 500;

  private static final int WAITERS_LIMIT = 64;

  private final Loop loop;
  private final String execId;
  private final int pid;
  private final Optional<Fd> terminal;
  private final InputPipe stdin;
  private final OutputPipe stdout;
  private final OutputPipe stderr;
  private final List<Answer> waiters = new ArrayList<>();
  private Loop.@Nullable Timer grace;
  private int exitStatus = -1;
  private boolean over;
  private boolean waited;

  private GuestProcess(
      Loop loop,
      String execId,
      int pid,
      Optional<Fd> terminal,
      Optional<Fd> in,
      Optional<Fd> out,
      Optional<Fd> err) {
    this.loop = loop;
    this.execId = execId;
    this.pid = pid;
    this.terminal = terminal;
    this.stdin = in.isPresent() ? new InputPipe(loop, in.get()) : InputPipe.none(loop);
    this.stdout = output(out);
    this.stderr = output(err);
  }

  private OutputPipe output(Optional<Fd> fd) {
    return fd.isPresent()
        ? new OutputPipe(loop, fd.get(), this::streamEnded)
        : OutputPipe.none(loop);
  }

  /** A process with a terminal, whose master becomes this object's. */
  static GuestProcess ofTerminal(Loop loop, String execId, int pid, Fd master) {
    master.nonBlocking(true);
    return new GuestProcess(
        loop,
        execId,
        pid,
        Optional.of(master),
        Optional.of(master.duplicate(3)),
        Optional.of(master.duplicate(3)),
        Optional.empty());
  }

  /** A process with pipes, whose near ends become this object's. */
  static GuestProcess ofPipes(Loop loop, String execId, int pid, ProcessPipes pipes) {
    return new GuestProcess(
        loop,
        execId,
        pid,
        Optional.empty(),
        Optional.of(pipes.takeIn()),
        Optional.of(pipes.takeOut()),
        Optional.of(pipes.takeErr()));
  }

  String execId() {
    return execId;
  }

  int pid() {
    return pid;
  }

  InputPipe stdin() {
    return stdin;
  }

  OutputPipe stdout() {
    return stdout;
  }

  OutputPipe stderr() {
    return stderr;
  }

  boolean hasTerminal() {
    return terminal.isPresent();
  }

  /** Whether the process itself has ended; its pid then means nothing any more. */
  boolean hasEnded() {
    return exitStatus >= 0;
  }

  /** Whether a waiting call has returned its exit status and no more output can come. */
  boolean isDone() {
    return over && waited && stdout.isDrained() && stderr.isDrained();
  }

  void resize(int columns, int rows) {
    if (terminal.isEmpty()) {
      throw Failures.precondition("process " + execId + " has no terminal to resize");
    }
    if (!terminal.get().isOpen()) {
      throw Failures.precondition("process " + execId + " has ended");
    }
    Tty.resize(terminal.get(), new Tty.Size(columns, rows));
  }

  /** The kernel says that the process has ended. */
  void ended(int status) {
    exitStatus = status;
    stdin.abandon();
    streamEnded();
    if (!over) {
      grace =
          loop.after(
              GRACE_MILLIS,
              () -> {
                stdout.endWhenEmpty();
                stderr.endWhenEmpty();
                finish();
              });
    }
  }

  private void streamEnded() {
    if (hasEnded() && stdout.isDrained() && stderr.isDrained()) {
      finish();
    }
  }

  private void finish() {
    if (over) {
      return;
    }
    over = true;
    if (grace != null) {
      grace.cancel();
    }
    terminal.ifPresent(Fd::close);
    for (Answer waiter : waiters) {
      tell(waiter);
    }
    waiters.clear();
  }

  /** Answers with the exit status once the process and its streams have ended. */
  void await(Answer answer) {
    if (over) {
      tell(answer);
      return;
    }
    waiters.removeIf(waiter -> !waiter.isWanted());
    if (waiters.size() >= WAITERS_LIMIT) {
      throw Failures.precondition("too many callers wait for process " + execId);
    }
    waiters.add(answer);
  }

  private void tell(Answer answer) {
    if (!answer.isWanted()) {
      return;
    }
    waited = true;
    answer.ok(WaitProcessResponse.builder().status(exitStatus).build());
  }

  /** Frees the streams; readers see the end of the stream. */
  void close() {
    stdin.abandon();
    stdout.abandon();
    stderr.abandon();
    if (hasEnded()) {
      finish();
    }
    terminal.ifPresent(Fd::close);
  }
}
