package dev.casemate.sandbox;

import java.util.Optional;

/**
 * Where a process's streams go: paths of FIFOs that the caller has made, or empty.
 *
 * @param terminal whether the process has a terminal; its output is then all on {@code stdout}
 * @param engine containerd's namespace, if these are containerd's streams: then output may also be
 *     a {@code file://} or {@code binary://} URI, and readers of a FIFO may come late, and come and
 *     go: without one, the process waits as at a full pipe. Writers of its input come and go, too:
 *     that ends by a call of its own. Otherwise the other ends are open already, and their loss is
 *     the end of the stream.
 */
public record Stdio(
    String stdin, String stdout, String stderr, boolean terminal, Optional<String> engine) {
  /** Streams of a command, which holds their other ends. */
  public Stdio(String stdin, String stdout, String stderr, boolean terminal) {
    this(stdin, stdout, stderr, terminal, Optional.empty());
  }

  /** No streams: no input, output to the log only. */
  public static Stdio none(boolean terminal) {
    return new Stdio("", "", "", terminal);
  }
}
