package dev.casemate.sandbox;

/**
 * Where a process's streams go: paths of FIFOs that the caller has made and holds open, or empty.
 *
 * @param terminal whether the process has a terminal; its output is then all on {@code stdout}
 */
public record Stdio(String stdin, String stdout, String stderr, boolean terminal) {
  /** No streams: no input, output to the log only. */
  public static Stdio none(boolean terminal) {
    return new Stdio("", "", "", terminal);
  }
}
