package dev.casemate.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Optional;

/** Other programs of this machine. */
public final class Shell {
  private Shell() {}

  public static Running start(List<String> command) {
    try {
      Process process = new ProcessBuilder(command).start();
      return new Running(command, process, Optional.of(new byte[0]), Optional.empty());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs a shell script to its end; a failure of it is a failure of the test. */
  public static Result run(String script) {
    return result(script).expect(0);
  }

  public static Result result(String script) {
    return start(List.of("/bin/bash", "-uc", script)).await(Casemate.TIMEOUT_SECONDS);
  }
}
