package dev.casemate.testsupport;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * How a command ended.
 *
 * @param exit its status; 128 + signal if a signal ended it
 * @param millis from its start to its end
 */
public record Result(List<String> command, int exit, byte[] stdout, byte[] stderr, long millis) {
  private static final int SHOWN = 4000;

  public String out() {
    return new String(stdout, StandardCharsets.UTF_8);
  }

  public String err() {
    return new String(stderr, StandardCharsets.UTF_8);
  }

  /**
   * The line of standard output that begins with a key, without the key; a failure if there is
   * none.
   */
  public String value(String key) {
    for (String line : out().lines().toList()) {
      if (line.startsWith(key)) {
        return line.substring(key.length()).strip();
      }
    }
    throw new AssertionError("no line begins with \"" + key + "\": " + this);
  }

  /** This result, if its status is the expected one. */
  public Result expect(int status) {
    if (exit != status) {
      throw new AssertionError("expected exit status " + status + ", but: " + this);
    }
    return this;
  }

  /** All that somebody needs who has only this text. */
  @Override
  public String toString() {
    return "\n$ "
        + String.join(" ", command)
        + "\nexit status "
        + exit
        + " after "
        + millis
        + " ms\n--- stdout ("
        + stdout.length
        + " bytes)\n"
        + shown(out())
        + "\n--- stderr ("
        + stderr.length
        + " bytes)\n"
        + shown(err())
        + "\n---";
  }

  private static String shown(String text) {
    return text.length() <= SHOWN
        ? text
        : text.substring(0, SHOWN / 2) + "\n[…]\n" + text.substring(text.length() - SHOWN / 2);
  }
}
