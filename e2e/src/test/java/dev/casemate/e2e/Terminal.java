package dev.casemate.e2e;

import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Tty;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A terminal with a command in it, and the person before it. */
final class Terminal implements AutoCloseable {
  private final Tty.Pair pair = Tty.open("/dev/ptmx");
  private final String path = "/dev/pts/" + Tty.number(pair.master());
  private final ByteArrayOutputStream screen = new ByteArrayOutputStream();
  private final List<String> command;
  private final String settingsBefore;
  private final Process process;
  private final Thread reader;
  private volatile boolean closing;
  private final long startNanos = System.nanoTime();

  /** Runs casemate in a new terminal of the given size, as its session's leader. */
  Terminal(int columns, int rows, String... arguments) {
    Tty.resize(pair.master(), new Tty.Size(columns, rows));
    settingsBefore = settings();
    ProcessBuilder builder = Casemate.call(arguments).builder();
    command = new ArrayList<>(List.of("setsid", "--ctty"));
    command.addAll(builder.command());
    try {
      process =
          builder
              .command(command)
              .redirectInput(new File(path))
              .redirectOutput(new File(path))
              .redirectError(new File(path))
              .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    reader = Thread.ofPlatform().daemon().start(this::read);
  }

  private void read() {
    byte[] piece = new byte[16 * 1024];
    try {
      while (!closing) {
        // Not blocked in read: that would keep the terminal from being closed.
        if (Poll.await(pair.master(), Poll.IN, 50) != 0) {
          int n = pair.master().read(piece, 0, piece.length);
          if (n <= 0) {
            return;
          }
          screen.write(piece, 0, n);
        }
      }
    } catch (LinuxException e) {
      // Nobody has the terminal open any more.
    }
  }

  /** What the terminal has shown. */
  String screen() {
    return screen.toString(StandardCharsets.UTF_8);
  }

  void type(String text) {
    pair.master().writeAll(text.getBytes(StandardCharsets.UTF_8));
  }

  void resize(int columns, int rows) {
    Tty.resize(pair.master(), new Tty.Size(columns, rows));
  }

  /** The terminal's settings as stty prints them. */
  String settings() {
    return Shell.run("stty -g -F " + path).out().strip();
  }

  /** The settings that the command found. */
  String settingsBefore() {
    return settingsBefore;
  }

  void awaitScreen(String text) {
    Wait.until(
        Casemate.TIMEOUT_SECONDS,
        () -> "\"" + text + "\" on the screen of " + this,
        () -> screen().contains(text) || !process.isAlive());
    if (!screen().contains(text)) {
      Wait.millis(200);
    }
    if (!screen().contains(text)) {
      throw new AssertionError("it ended without \"" + text + "\" on the screen: " + this);
    }
  }

  /** Waits for the command's end and returns its status. */
  int await() {
    try {
      if (!process.waitFor(Casemate.TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
        throw new AssertionError("still running: " + this);
      }
      // What it wrote last is still on its way.
      Wait.millis(100);
      return process.exitValue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public String toString() {
    return "\n$ "
        + String.join(" ", command)
        + "\nexit status "
        + (process.isAlive() ? "none yet" : process.exitValue())
        + " after "
        + (System.nanoTime() - startNanos) / 1_000_000
        + " ms\n--- screen\n"
        + screen()
        + "\n---";
  }

  @Override
  public void close() {
    hangUp();
    process.destroyForcibly();
    process.onExit().join();
  }

  /** Closes the window: whether that ended the command in time. */
  boolean hangUp() {
    closing = true;
    try {
      reader.join();
      pair.slave().close();
      pair.master().close();
      return process.waitFor(Casemate.TIMEOUT_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
