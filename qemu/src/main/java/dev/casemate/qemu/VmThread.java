package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.hypervisor.ByteRing;
import dev.casemate.hypervisor.VmEvent;
import dev.casemate.hypervisor.VmEvent.ShutdownReason;
import dev.casemate.hypervisor.VmExit;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The one thread of a VM: reads console, error output and control socket, and waits for the end of
 * the process. It sleeps while nothing happens.
 */
final class VmThread {
  /** A stream of the VMM's and what is kept of it. */
  record Stream(Optional<Fd> fd, ByteRing ring) {}

  private static final int CHUNK = 16 * 1024;
  private static final int STACK = 256 * 1024;

  /**
   * A guest that fills whole chunks is held to about 16 MiB/s; the host's CPU is not its to burn.
   */
  private static final int FLOOD_PAUSE_MILLIS = 1;

  private final String vmId;
  private final int pid;
  private final Fd process;
  private final Qmp qmp;
  private final Stream console;
  private final Stream errors;
  private final HotPlug hotPlug;
  private final VmListener listener;
  private final Supplier<String> panic;
  private final Fd wake = EventFd.open();
  private final byte[] chunk = new byte[CHUNK];
  private ShutdownReason reason = ShutdownReason.UNKNOWN;
  private String violation = "";
  @Nullable private VmExit exit;
  private boolean stopping;
  private boolean ended;

  VmThread(
      String vmId,
      int pid,
      Fd process,
      Qmp qmp,
      Stream console,
      Stream errors,
      HotPlug hotPlug,
      VmListener listener,
      Supplier<String> panic) {
    this.vmId = vmId;
    this.pid = pid;
    this.process = process;
    this.qmp = qmp;
    this.console = console;
    this.errors = errors;
    this.hotPlug = hotPlug;
    this.listener = listener;
    this.panic = panic;
  }

  void start() {
    Thread thread = new Thread(null, this::run, "vm-" + vmId, STACK);
    thread.setDaemon(true);
    thread.start();
  }

  synchronized Optional<VmExit> exit() {
    return Optional.ofNullable(exit);
  }

  synchronized Optional<VmExit> awaitExit(int timeoutMillis) {
    long deadline = System.nanoTime() + timeoutMillis * 1_000_000L;
    try {
      while (exit == null && !ended) {
        if (timeoutMillis < 0) {
          wait();
          continue;
        }
        long left = (deadline - System.nanoTime() + 999_999) / 1_000_000;
        if (left <= 0) {
          break;
        }
        wait(left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return Optional.ofNullable(exit);
  }

  private synchronized boolean isStopping() {
    return stopping;
  }

  private void run() {
    try {
      loop();
    } finally {
      qmp.fail("the VM has ended or was released");
      closeAll();
      synchronized (this) {
        ended = true;
        wake.close();
        notifyAll();
      }
    }
  }

  private void loop() {
    int[] events = {Poll.IN, Poll.IN, Poll.IN, Poll.IN, Poll.IN};
    while (true) {
      int[] fds = {
        number(console.fd()),
        number(errors.fd()),
        qmp.socket().isOpen() ? qmp.socket().number() : -1,
        process.number(),
        wake.number()
      };
      int[] ready = Poll.await(fds, events, -1);
      if (ready[4] != 0 && isStopping()) {
        return;
      }
      if (ready[0] != 0 && drain(console) == CHUNK) {
        pause();
      }
      if (ready[1] != 0) {
        drain(errors);
      }
      if (ready[2] != 0) {
        readControl();
      }
      if (ready[3] != 0) {
        finish();
        return;
      }
    }
  }

  private static int number(Optional<Fd> fd) {
    return fd.isPresent() && fd.get().isOpen() ? fd.get().number() : -1;
  }

  private static void pause() {
    try {
      Thread.sleep(FLOOD_PAUSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Reads once; closes the stream at its end. Returns the count. */
  private int drain(Stream stream) {
    Fd fd = stream.fd().orElseThrow();
    int n = read(fd);
    if (n > 0) {
      stream.ring().append(chunk, 0, n);
    } else if (n == Fd.END) {
      fd.close();
    }
    return n;
  }

  /** A reset connection is an end too. */
  private int read(Fd fd) {
    try {
      return fd.read(chunk, 0, CHUNK);
    } catch (LinuxException e) {
      return Fd.END;
    }
  }

  private void readControl() {
    int n = read(qmp.socket());
    if (n == Fd.WOULD_BLOCK) {
      return;
    }
    if (n == Fd.END) {
      qmp.fail("QEMU has closed its control socket");
      qmp.socket().close();
      return;
    }
    try {
      qmp.feed(chunk, n);
      while (true) {
        Optional<QmpMessage.Event> event = qmp.take();
        if (event.isEmpty()) {
          return;
        }
        handle(event.get());
      }
    } catch (CasemateException e) {
      // A QEMU that breaks the protocol is one that its guest has taken over.
      violation = "QEMU broke its control protocol and was killed: " + Qmp.bounded(message(e));
      qmp.fail(violation);
      qmp.socket().close();
      kill();
    }
  }

  private static String message(Exception e) {
    String message = e.getMessage();
    return message == null ? "" : message;
  }

  private void kill() {
    try {
      Processes.signalPid(process, Signals.KILL);
    } catch (LinuxException e) {
      // It has ended by itself.
    }
  }

  private void handle(QmpMessage.Event event) {
    switch (event.name()) {
      case "SHUTDOWN" -> {
        reason = reason(event.data());
        listener.event(new VmEvent.Shutdown(reason));
      }
      case "STOP" -> listener.event(new VmEvent.Stopped());
      case "RESUME" -> listener.event(new VmEvent.Resumed());
      case "DEVICE_DELETED" -> {
        String id = event.data().string("device");
        if (!id.isEmpty()) {
          hotPlug.deleted(id);
          listener.event(new VmEvent.DeviceDeleted(Qmp.bounded(id)));
        }
      }
      default -> {
        // Events of devices for which no call waits.
      }
    }
  }

  /** QEMU: qapi/run-state.json, ShutdownCause. */
  private static ShutdownReason reason(Json.Obj data) {
    return switch (data.string("reason")) {
      case "guest-reset", "subsystem-reset" -> ShutdownReason.GUEST_RESET;
      case "guest-shutdown" -> ShutdownReason.GUEST_SHUTDOWN;
      case "guest-panic" -> ShutdownReason.GUEST_PANIC;
      case "host-qmp-quit", "host-qmp-system-reset", "host-ui" -> ShutdownReason.HOST_QUIT;
      case "host-signal" -> ShutdownReason.HOST_SIGNAL;
      case "host-error" -> ShutdownReason.HOST_ERROR;
      default -> ShutdownReason.UNKNOWN;
    };
  }

  /** The process has ended: takes what it left in its streams, then its status. */
  private void finish() {
    drainRest(console);
    drainRest(errors);
    while (qmp.socket().isOpen() && Poll.await(qmp.socket(), Poll.IN, 0) != 0) {
      readControl();
    }
    Optional<Integer> status = Optional.empty();
    try {
      status = Processes.waitFor(pid, Processes.WNOHANG).map(w -> w.exitStatus());
    } catch (LinuxException e) {
      // Another's child, or reaped by another.
    }
    String text = violation.isEmpty() ? errors.ring().text() : violation;
    VmExit result = new VmExit(status, reason, text, panic.get());
    qmp.fail(result.describe());
    synchronized (this) {
      exit = result;
      notifyAll();
    }
    listener.event(new VmEvent.Exited(result));
  }

  private void drainRest(Stream stream) {
    // Bounded: what a dead process left is at most its socket's buffer.
    while (stream.fd().isPresent()
        && stream.fd().get().isOpen()
        && Poll.await(stream.fd().get(), Poll.IN, 0) != 0) {
      drain(stream);
    }
  }

  private void closeAll() {
    console.fd().ifPresent(Fd::close);
    errors.fd().ifPresent(Fd::close);
    qmp.socket().close();
    process.close();
  }
}
