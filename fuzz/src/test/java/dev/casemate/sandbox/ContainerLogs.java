package dev.casemate.sandbox;

import java.util.function.Consumer;

/** Writes a container's log as a sandbox does, for targets in other packages. */
public final class ContainerLogs {
  private ContainerLogs() {}

  /** Takes pieces of output, those to standard error or not. */
  public interface Writer {
    void piece(boolean error, byte[] bytes);
  }

  /** Writes to a file what the caller gives. */
  public static void write(String path, Consumer<Writer> pieces) {
    try (ContainerLog log = new ContainerLog(path)) {
      pieces.accept((error, bytes) -> log.append(error ? "stderr" : "stdout", bytes, bytes.length));
    }
  }
}
