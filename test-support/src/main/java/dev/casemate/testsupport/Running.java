package dev.casemate.testsupport;

import dev.casemate.linux.Processes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** A command that runs, and what it has written so far. */
public final class Running implements AutoCloseable {
  private final List<String> command;
  private final Process process;
  private final long startNanos = System.nanoTime();
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private final Thread outReader;
  private final Thread errReader;

  /**
   * @param input all of its standard input; empty leaves it open for {@link #type}
   * @param sink gets standard output in place of memory
   */
  public Running(
      List<String> command, Process process, Optional<byte[]> input, Optional<OutputStream> sink) {
    this.command = command;
    this.process = process;
    this.outReader = read(process.getInputStream(), sink.orElse(out));
    this.errReader = read(process.getErrorStream(), err);
    input.ifPresent(
        bytes ->
            Thread.ofPlatform()
                .daemon()
                .start(
                    () -> {
                      try (OutputStream stdin = process.getOutputStream()) {
                        stdin.write(bytes);
                      } catch (IOException e) {
                        // It does not read all of it: whether that is right the test knows.
                      }
                    }));
  }

  private static Thread read(InputStream from, OutputStream to) {
    return Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              byte[] piece = new byte[64 * 1024];
              try {
                for (int n = from.read(piece); n >= 0; n = from.read(piece)) {
                  to.write(piece, 0, n);
                }
              } catch (IOException e) {
                // Closed under us: the end, too.
              }
            });
  }

  public int pid() {
    return (int) process.pid();
  }

  public boolean isAlive() {
    return process.isAlive();
  }

  public void signal(int number) {
    Processes.killIfExists(pid(), number);
  }

  /** Writes to its standard input. */
  public void type(String text) {
    try {
      process.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
      process.getOutputStream().flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits until its standard output contains a text. */
  public void awaitOutput(String text, int seconds) {
    Wait.until(
        seconds,
        () -> "\"" + text + "\" in the output of " + soFar(),
        () -> out.toString(StandardCharsets.UTF_8).contains(text) || !process.isAlive());
    if (!out.toString(StandardCharsets.UTF_8).contains(text)) {
      throw new AssertionError("it ended without having written \"" + text + "\": " + soFar());
    }
  }

  /** Waits for the end; whether it came. */
  public boolean ended(long millis) {
    try {
      return process.waitFor(millis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Waits for the end; a failure if it does not come. */
  public Result await(int seconds) {
    if (!ended(seconds * 1000L)) {
      String text = soFar().toString();
      close();
      throw new AssertionError("still running after " + seconds + " s: " + text);
    }
    try {
      // Somebody who inherited the pipes may hold them open.
      outReader.join(10_000);
      errReader.join(10_000);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    return soFar();
  }

  public Result soFar() {
    return new Result(
        command,
        process.isAlive() ? -1 : process.exitValue(),
        out.toByteArray(),
        err.toByteArray(),
        (System.nanoTime() - startNanos) / 1_000_000);
  }

  /** Kills what still runs. */
  @Override
  public void close() {
    process.destroyForcibly();
  }
}
