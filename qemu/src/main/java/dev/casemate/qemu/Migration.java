package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.linux.Fd;
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
  private static final int POLL_MILLIS = 1;

  /** In bytes a second: the guest stands still meanwhile, so as fast as it goes. */
  private static final long UNLIMITED = 1L << 40;

  private final String vmId;
  private final Qmp qmp;

  Migration(String vmId, Qmp qmp) {
    this.vmId = vmId;
    this.qmp = qmp;
  }

  /** From now on memory that is a file is not in the state, neither coming nor going. */
  void leaveOutShared() {
    Json.Obj capability = new Json.Obj().put("capability", "x-ignore-shared").put("state", true);
    qmp.execute(
        "migrate-set-capabilities", new Json.Obj().putObjects("capabilities", List.of(capability)));
  }

  /**
   * @param limit see {@link StatePump#limit}
   */
  void save(Fd to, long limit, int timeoutMillis) {
    Pipe pipe = Pipe.open();
    StatePump pump;
    try (Fd write = pipe.write()) {
      pump = new StatePump(vmId, pipe.read(), to, pipe.read(), limit);
      qmp.execute("migrate-set-parameters", new Json.Obj().put("max-bandwidth", UNLIMITED));
      hand(write);
      qmp.execute("migrate", uri());
    }
    await(pump, timeoutMillis);
    pump.end();
  }

  /** For a QEMU that was started with {@code -incoming defer}. */
  void load(Fd from, int timeoutMillis) {
    Pipe pipe = Pipe.open();
    StatePump pump;
    try (Fd read = pipe.read()) {
      hand(read);
      pump = new StatePump(vmId, from, pipe.write(), pipe.write(), Long.MAX_VALUE);
      qmp.execute("migrate-incoming", uri());
    }
    // What QEMU says of a state that it does not take is better than that it has closed the pipe.
    await(null, timeoutMillis);
    pump.end();
  }

  private void hand(Fd end) {
    qmp.execute("getfd", new Json.Obj().put("fdname", NAME), Optional.of(end), Qmp.TIMEOUT_MILLIS);
  }

  private static Json.Obj uri() {
    return new Json.Obj().put("uri", "fd:" + NAME);
  }

  private void await(@Nullable StatePump pump, int timeoutMillis) {
    long deadline = System.nanoTime() + timeoutMillis * 1_000_000L;
    while (true) {
      Json answer = qmp.execute("query-migrate");
      Json.Obj state = answer instanceof Json.Obj object ? object : new Json.Obj();
      switch (state.string("status")) {
        case "completed" -> {
          return;
        }
        case "failed", "cancelled" -> {
          CasemateException failed =
              CasemateException.of(
                  Kind.INTERNAL,
                  "VM "
                      + vmId
                      + ": QEMU could not transfer its state: "
                      + Qmp.bounded(state.string("error-desc", "it gave no reason")));
          // A full disk is the cause, and that QEMU's pipe broke its effect.
          throw pump == null ? failed : pump.failure().orElse(failed);
        }
        default -> {
          if (pump != null && pump.failure().isPresent()) {
            qmp.post("migrate_cancel");
            throw pump.failure().get();
          }
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
