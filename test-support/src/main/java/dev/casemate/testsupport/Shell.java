package dev.casemate.testsupport;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Optional;

/** Other programs of this machine. */
public final class Shell {
  /** Generous, because the machine may be busy. */
  private static final int TIMEOUT_SECONDS = 180;

  private Shell() {}

  /** Starts a program with an empty standard input. */
  public static Running start(List<String> command) {
    try {
      Process process = new ProcessBuilder(command).start();
      return new Running(command, process, Optional.of(new byte[0]), Optional.empty());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs a program to its end; a status other than 0 is a failure of the test. */
  public static Result program(String... command) {
    return start(List.of(command)).await(TIMEOUT_SECONDS).expect(0);
  }

  /** Runs a script to its end; as {@code set -e} has it, the first failure ends it and the test. */
  public static Result run(String script) {
    return program("/bin/bash", "-euc", script);
  }

  /** Runs a script to its end, whatever its status. */
  public static Result result(String script) {
    return start(List.of("/bin/bash", "-uc", script)).await(TIMEOUT_SECONDS);
  }
}
