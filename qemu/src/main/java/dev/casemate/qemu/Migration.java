package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Pipe;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Carries a paused VM's state out of QEMU and into another. It passes through a pipe: QEMU opens no
 * file, and a full disk is told by who writes to it.
 */
final class Migration {
  private static final String NAME = "state";
  private static final int PIECE = 256 * 1024;
  private static final int POLL_MILLIS = 1;

  /** In bytes a second: the guest stands still meanwhile, so as fast as it goes. */
  private static final long UNLIMITED = 1L << 40;

  private final String vmId;
  private final Qmp qmp;

  Migration(String vmId, Qmp qmp) {
    this.vmId = vmId;
    this.qmp = qmp;
  }

  /** Copies from one descriptor to another, and remembers what went wrong. */
  private static final class Pump extends Thread {
    private final Fd from;
    private final Fd to;
    private final Fd pipe;
    @Nullable private volatile LinuxException failure;

    Pump(Fd from, Fd to, Fd pipe) {
      super("migration");
      this.from = from;
      this.to = to;
      this.pipe = pipe;
      setDaemon(true);
      start();
    }

    @Override
    public void run() {
      byte[] piece = new byte[PIECE];
      // QEMU sees the end of the pipe, however this ends.
      try (pipe) {
        while (true) {
          int n = from.read(piece, 0, PIECE);
          if (n == Fd.END) {
            return;
          }
          to.writeAll(piece, 0, n);
        }
      } catch (LinuxException e) {
        failure = e;
      }
    }

    void end() {
      try {
        join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** From now on memory that is a file is not in the state, neither coming nor going. */
  void leaveOutShared() {
    Json.Obj capability = new Json.Obj().put("capability", "x-ignore-shared").put("state", true);
    qmp.execute(
        "migrate-set-capabilities", new Json.Obj().putObjects("capabilities", List.of(capability)));
  }

  void save(Fd to, int timeoutMillis) {
    Pipe pipe = Pipe.open();
    Pump pump;
    try (Fd write = pipe.write()) {
      pump = new Pump(pipe.read(), to, pipe.read());
      qmp.execute("migrate-set-parameters", new Json.Obj().put("max-bandwidth", UNLIMITED));
      hand(write);
      qmp.execute("migrate", uri());
    }
    try {
      await(timeoutMillis);
    } catch (CasemateException e) {
      pump.end();
      LinuxException failure = pump.failure;
      throw failure == null
          ? e
          : CasemateException.of(
              failure.errno() == Errno.ENOSPC ? Kind.RESOURCE_EXHAUSTED : Kind.INTERNAL,
              "VM " + vmId + ": its state cannot be written: " + failure.getMessage(),
              failure);
    }
    pump.end();
    LinuxException failure = pump.failure;
    if (failure != null) {
      throw CasemateException.of(
          Kind.INTERNAL,
          "VM " + vmId + ": its state cannot be written: " + failure.getMessage(),
          failure);
    }
  }

  /** For a QEMU that was started with {@code -incoming defer}. */
  void load(Fd from, int timeoutMillis) {
    Pipe pipe = Pipe.open();
    Pump pump;
    try (Fd read = pipe.read()) {
      hand(read);
      pump = new Pump(from, pipe.write(), pipe.write());
      qmp.execute("migrate-incoming", uri());
    }
    await(timeoutMillis);
    pump.end();
  }

  private void hand(Fd end) {
    qmp.execute("getfd", new Json.Obj().put("fdname", NAME), Optional.of(end), Qmp.TIMEOUT_MILLIS);
  }

  private static Json.Obj uri() {
    return new Json.Obj().put("uri", "fd:" + NAME);
  }

  private void await(int timeoutMillis) {
    long deadline = System.nanoTime() + timeoutMillis * 1_000_000L;
    while (true) {
      Json answer = qmp.execute("query-migrate");
      Json.Obj state = answer instanceof Json.Obj object ? object : new Json.Obj();
      switch (state.string("status")) {
        case "completed" -> {
          return;
        }
        case "failed", "cancelled" ->
            throw CasemateException.of(
                Kind.INTERNAL,
                "VM "
                    + vmId
                    + ": QEMU could not transfer its state: "
                    + Qmp.bounded(state.string("error-desc", "it gave no reason")));
        default -> {
          if (System.nanoTime() > deadline) {
            qmp.post("migrate_cancel");
            throw CasemateException.of(
                Kind.TIMEOUT,
                "VM "
                    + vmId
                    + ": transferring its state took longer than "
                    + timeoutMillis / 1000
                    + " s");
          }
          pause();
        }
      }
    }
  }

  private void pause() {
    try {
      Thread.sleep(POLL_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CasemateException.of(
          Kind.UNAVAILABLE, "VM " + vmId + ": transferring its state was interrupted", e);
    }
  }
}
