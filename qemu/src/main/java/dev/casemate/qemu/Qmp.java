package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.base.PlainText;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.Poll;
import dev.casemate.linux.SystemCall;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The sending half of the control protocol. The VM's thread reads the socket and hands each message
 * to {@link #take}; callers' threads wait in {@link #execute}.
 *
 * <p>QEMU is not trusted: a guest may have taken it over. Lines are bounded, nesting is bounded by
 * the parser, waiting is bounded by timeouts.
 */
final class Qmp {
  static final int LINE_LIMIT = 1024 * 1024;
  static final int TIMEOUT_MILLIS = 10_000;

  private static final class Pending {
    @Nullable QmpMessage answer;
  }

  private final Fd socket;
  private final String vmId;
  private final LineBuffer lines = new LineBuffer(LINE_LIMIT);
  private final Map<Long, Pending> pending = new HashMap<>();
  private long nextId = 1;
  private String broken = "";

  /** Negotiation is sent at once: QEMU reads it after its greeting, whenever that comes. */
  Qmp(Fd socket, String vmId) {
    this.socket = socket;
    this.vmId = vmId;
    socket.nonBlocking(true);
    send("{\"execute\":\"qmp_capabilities\",\"id\":0}\n", Optional.empty());
  }

  Fd socket() {
    return socket;
  }

  /** Adds what was read from the socket. */
  void feed(byte[] bytes, int count) {
    lines.append(bytes, count);
  }

  /**
   * The next event, if a complete one has been read; answers go to those who wait.
   *
   * @throws CasemateException if QEMU does not keep to the protocol
   */
  Optional<QmpMessage.Event> take() {
    while (true) {
      Optional<String> line = lines.next();
      if (line.isEmpty()) {
        return Optional.empty();
      }
      if (line.get().isEmpty()) {
        continue;
      }
      switch (QmpMessage.parse(line.get())) {
        case QmpMessage.Event event -> {
          return Optional.of(event);
        }
        case QmpMessage.Greeting greeting -> {}
        case QmpMessage.Return answer -> complete(answer.id(), answer);
        case QmpMessage.Failure failure -> complete(failure.id(), failure);
      }
    }
  }

  private synchronized void complete(long id, QmpMessage answer) {
    Pending waiting = pending.get(id);
    // No caller waits for the answer to the negotiation or to a command that timed out.
    if (waiting != null && waiting.answer == null) {
      waiting.answer = answer;
      notifyAll();
    }
  }

  /** Fails all commands, those that wait and those to come. */
  synchronized void fail(String reason) {
    if (broken.isEmpty()) {
      broken = reason;
      notifyAll();
    }
  }

  Json execute(String command, Json.Obj arguments) {
    return execute(command, arguments, Optional.empty(), TIMEOUT_MILLIS);
  }

  Json execute(String command) {
    return execute(command, new Json.Obj());
  }

  /**
   * Runs a command.
   *
   * @param cargo a descriptor to send with it
   * @throws CasemateException FAILED_PRECONDITION with QEMU's class and text if QEMU refuses,
   *     TIMEOUT, or UNAVAILABLE if QEMU is gone
   */
  synchronized Json execute(
      String command, Json.Obj arguments, Optional<Fd> cargo, int timeoutMillis) {
    long id = nextId++;
    Pending mine = new Pending();
    pending.put(id, mine);
    try {
      long deadline = System.nanoTime() + timeoutMillis * 1_000_000L;
      post(command, arguments, id, cargo);
      while (mine.answer == null) {
        if (!broken.isEmpty()) {
          throw gone(command, broken);
        }
        long left = (deadline - System.nanoTime()) / 1_000_000;
        if (left <= 0) {
          throw CasemateException.of(
              CasemateException.Kind.TIMEOUT,
              "VM "
                  + vmId
                  + ": QEMU did not answer \""
                  + command
                  + "\" within "
                  + timeoutMillis
                  + " ms; the host may be overloaded, or the VM must be killed");
        }
        try {
          wait(left);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw gone(command, "the waiting thread was interrupted");
        }
      }
      return switch (mine.answer) {
        case QmpMessage.Return answer -> answer.value();
        case QmpMessage.Failure failure ->
            throw CasemateException.of(
                CasemateException.Kind.FAILED_PRECONDITION,
                "VM "
                    + vmId
                    + ": QEMU refused \""
                    + command
                    + "\": "
                    + bounded(failure.description())
                    + " ("
                    + bounded(failure.errorClass())
                    + ")");
        case QmpMessage.Greeting g -> throw new IllegalStateException();
        case QmpMessage.Event e -> throw new IllegalStateException();
      };
    } finally {
      pending.remove(id);
    }
  }

  /** Sends a command and does not wait for its answer. */
  synchronized void post(String command) {
    post(command, new Json.Obj(), nextId++, Optional.empty());
  }

  private void post(String command, Json.Obj arguments, long id, Optional<Fd> cargo) {
    if (!broken.isEmpty()) {
      throw gone(command, broken);
    }
    Json.Obj message = new Json.Obj().put("execute", command).put("id", id);
    if (!arguments.fields().isEmpty()) {
      message.put("arguments", arguments);
    }
    try {
      send(message.text() + "\n", cargo);
    } catch (LinuxException e) {
      throw gone(command, "its control socket is closed");
    }
  }

  private CasemateException gone(String command, String reason) {
    return CasemateException.of(
        CasemateException.Kind.UNAVAILABLE,
        "VM " + vmId + ": cannot run \"" + command + "\": " + reason);
  }

  private void send(String text, Optional<Fd> cargo) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int done = cargo.isPresent() ? sendWith(cargo.get(), bytes) : 0;
    while (done < bytes.length) {
      int n = socket.write(bytes, done, bytes.length - done);
      if (n == Fd.WOULD_BLOCK) {
        if (Poll.await(socket, Poll.OUT, TIMEOUT_MILLIS) == 0) {
          throw CasemateException.of(
              CasemateException.Kind.TIMEOUT,
              "VM " + vmId + ": QEMU does not read its control socket; kill the VM");
        }
        continue;
      }
      done += n;
    }
  }

  /** {@code sendmsg(2)} with SCM_RIGHTS: the command and the descriptor must travel together. */
  private int sendWith(Fd cargo, byte[] bytes) {
    try (NativeBuffer header = NativeBuffer.allocate(56);
        NativeBuffer vector = NativeBuffer.allocate(16);
        NativeBuffer data = NativeBuffer.of(bytes);
        NativeBuffer control = NativeBuffer.allocate(24)) {
      vector.putLong(0, data.address()).putLong(8, bytes.length);
      control.putLong(0, 20).putInt(8, 1).putInt(12, 1).putInt(16, cargo.number());
      header.putLong(16, vector.address()).putLong(24, 1);
      header.putLong(32, control.address()).putLong(40, 24);
      return (int)
          SystemCall.check(
              SystemCall.raw(SystemCall.SENDMSG, socket.number(), header.address(), 0x4000),
              "sendmsg",
              socket.toString());
    }
  }

  /** A text of QEMU's for a message of ours: one line, 300 characters. */
  static String bounded(String text) {
    return PlainText.line(text, 300);
  }
}
