package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import java.util.Optional;

/**
 * The host's ends of a process's output: FIFOs, files, or a logging program of the engine's.
 *
 * @param stdout empty: it is discarded
 * @param logger ends when its pipes do, by {@link #close} at the latest
 */
record Outputs(Optional<Fd> stdout, Optional<Fd> stderr, Optional<LoggerProcess> logger)
    implements AutoCloseable {
  private static final String FILE = "file://";
  private static final String BINARY = "binary://";

  /**
   * Opens them.
   *
   * @throws CasemateException if that cannot be done
   */
  static Outputs open(Stdio stdio, String containerId) {
    String uri = stdio.stdout();
    if (stdio.engine().isPresent() && uri.startsWith(BINARY)) {
      LogUri program = LogUri.of(uri.substring(BINARY.length()));
      LoggerProcess logger = LoggerProcess.start(program, containerId, stdio.engine().get());
      if (stdio.terminal()) {
        // Nothing comes there, and this is the only place that closes it.
        logger.stderr().close();
      }
      return new Outputs(
          Optional.of(logger.stdout()), Optional.of(logger.stderr()), Optional.of(logger));
    }
    Optional<Fd> out = openOne(uri, stdio);
    try {
      Optional<Fd> error = stdio.terminal() ? Optional.empty() : openOne(stdio.stderr(), stdio);
      return new Outputs(out, error, Optional.empty());
    } catch (RuntimeException e) {
      out.ifPresent(Fd::close);
      throw e;
    }
  }

  private static Optional<Fd> openOne(String uri, Stdio stdio) {
    if (uri.isEmpty()) {
      return Optional.empty();
    }
    boolean engine = stdio.engine().isPresent();
    try {
      if (engine && uri.startsWith(FILE)) {
        String path = LogUri.of(uri.substring(FILE.length())).path();
        FileTree.makeDirectories(path.substring(0, Math.max(1, path.lastIndexOf('/'))), 0700);
        int flags = OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.APPEND;
        return Optional.of(Fs.open(path, flags, 0600));
      }
      String path = uri.startsWith("fifo://") ? uri.substring("fifo://".length()) : uri;
      // Write-only, non-blocking says ENXIO when there is no reader. Read-write keeps the FIFO
      // alive without one, until the next comes.
      int access = engine ? OpenFlag.READ_WRITE : OpenFlag.WRITE_ONLY;
      return Optional.of(Fs.open(path, access | OpenFlag.NON_BLOCK));
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "cannot open the process's output \"" + uri + "\": " + e.getMessage(),
          e);
    }
  }

  @Override
  public void close() {
    stdout.ifPresent(Fd::close);
    stderr.ifPresent(Fd::close);
    logger.ifPresent(LoggerProcess::close);
  }
}
