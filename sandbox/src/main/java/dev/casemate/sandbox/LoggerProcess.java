package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.WaitStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A program that takes a container's output, by containerd's contract for {@code binary://} URIs
 * (its cmd/containerd-shim-runc-v2/process, NewBinaryIO): standard output comes as descriptor 3,
 * standard error as 4; when it is ready it closes 5, or writes there. Its environment tells the
 * container and nothing else.
 */
final class LoggerProcess implements AutoCloseable {
  private static final int READY_TIMEOUT_MILLIS = 10_000;

  /** How long it may still write down what it has read, as containerd has it. */
  private static final int END_MILLIS = 10_000;

  private static final int TERMINATE_MILLIS = 2_000;

  /** By that its status is known if its end has closed descriptor 5. */
  private static final int STATUS_MILLIS = 10;

  private final int pid;
  private final CompletableFuture<WaitStatus> ended = new CompletableFuture<>();
  private final Fd stdout;
  private final Fd stderr;

  private LoggerProcess(int pid, Fd stdout, Fd stderr) {
    this.pid = pid;
    this.stdout = stdout;
    this.stderr = stderr;
    Threads.start("logger", this::reap);
  }

  private void reap() {
    try {
      Processes.waitFor(pid, 0).ifPresent(ended::complete);
    } catch (LinuxException e) {
      ended.completeExceptionally(e);
    }
  }

  /** The pipes' writing ends, which do not block. */
  Fd stdout() {
    return stdout;
  }

  Fd stderr() {
    return stderr;
  }

  /** Starts it and waits until it is ready. */
  static LoggerProcess start(LogUri uri, String containerId, String namespace) {
    return start(uri, containerId, namespace, READY_TIMEOUT_MILLIS);
  }

  static LoggerProcess start(
      LogUri uri, String containerId, String namespace, int readyTimeoutMillis) {
    String path = uri.path();
    List<String> arguments = new ArrayList<>(List.of(path));
    arguments.addAll(uri.arguments());
    try (Pipe out = Pipe.open();
        Pipe error = Pipe.open();
        Pipe ready = Pipe.open();
        Fd nothing = Fs.open("/dev/null", OpenFlag.READ_WRITE)) {
      out.write().nonBlocking(true);
      error.write().nonBlocking(true);
      int pid =
          Spawn.program(path, arguments)
              .environment(
                  List.of("CONTAINER_ID=" + containerId, "CONTAINER_NAMESPACE=" + namespace))
              .stdio(nothing, nothing, nothing)
              .descriptor(out.read(), 3)
              .descriptor(error.read(), 4)
              .descriptor(ready.write(), 5)
              .newSession()
              .start();
      ready.write().close();
      LoggerProcess logger =
          new LoggerProcess(pid, Fd.of(out.write().release()), Fd.of(error.write().release()));
      logger.awaitReady(path, ready.read(), readyTimeoutMillis);
      return logger;
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT, "cannot start logging program " + path + ": " + e.getMessage(), e);
    }
  }

  private void awaitReady(String path, Fd ready, int timeoutMillis) {
    if (Poll.await(ready, Poll.IN, timeoutMillis) == 0) {
      kill(Signals.KILL);
      stdout.close();
      stderr.close();
      throw CasemateException.of(
          Kind.TIMEOUT,
          "logging program "
              + path
              + " did not report that it is ready within "
              + timeoutMillis
              + " ms: it must close descriptor 5");
    }
    // Its end closes the descriptor, too. That is no failure if it has left a child, say.
    if (ready.read(new byte[1], 0, 1) == Fd.END) {
      Optional<WaitStatus> status = awaitEnd(STATUS_MILLIS);
      if (status.isPresent() && status.get().exitStatus() != 0) {
        stdout.close();
        stderr.close();
        throw CasemateException.of(
            Kind.FAILED_PRECONDITION,
            "logging program "
                + path
                + " ended with status "
                + status.get().exitStatus()
                + " before it was ready");
      }
    }
  }

  private Optional<WaitStatus> awaitEnd(int millis) {
    try {
      return Optional.of(ended.get(millis, TimeUnit.MILLISECONDS));
    } catch (TimeoutException | ExecutionException e) {
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }

  private void kill(int signal) {
    if (!ended.isDone()) {
      // With what it has started: it leads a session, and so a group.
      Processes.killIfExists(-pid, signal);
    }
  }

  /**
   * Ends its input and waits until it has ended; one that does not within ten seconds is told to,
   * and then made to.
   */
  @Override
  public void close() {
    stdout.close();
    stderr.close();
    if (awaitEnd(END_MILLIS).isPresent()) {
      return;
    }
    kill(Signals.TERM);
    if (awaitEnd(TERMINATE_MILLIS).isEmpty()) {
      kill(Signals.KILL);
      awaitEnd(TERMINATE_MILLIS);
    }
  }
}
