package dev.casemate.sandbox;

/**
 * Where a process's streams go: paths of FIFOs that the caller has made and holds open, or empty.
 *
 * @param terminal whether the process has a terminal; its output is then all on {@code stdout}
 * @param lasting whether readers of the output may come late, and come and go, as those of
 *     containerd do: without one, the process waits as at a full pipe
 */
public record Stdio(String stdin, String stdout, String stderr, boolean terminal, boolean lasting) {
  /** Streams whose other ends are open already, and whose loss is the end of them. */
  public Stdio(String stdin, String stdout, String stderr, boolean terminal) {
    this(stdin, stdout, stderr, terminal, false);
  }

  /** No streams: no input, output to the log only. */
  public static Stdio none(boolean terminal) {
    return new Stdio("", "", "", terminal);
  }
}
