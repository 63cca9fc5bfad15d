package dev.casemate.shim;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.UnixSocket;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protocol.containerd.Envelope;
import dev.casemate.protocol.events.EventsService;
import dev.casemate.protocol.events.ForwardRequest;
import dev.casemate.protocol.google.Any;
import dev.casemate.rpc.ConnectionLostException;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.TtrpcClient;
import dev.casemate.sandbox.FdChannel;
import dev.casemate.task.TaskApi;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/**
 * Sends events to containerd, in their order, one at a time; what cannot be sent is tried again
 * until containerd is back. Whoever has an event does not wait for that.
 */
final class EventPublisher implements Runnable {
  /** Events that wait for a containerd that is away; then the oldest are forgotten. */
  static final int QUEUE_LIMIT = 4096;

  private static final int CALL_TIMEOUT_MILLIS = 10_000;
  private static final int FIRST_PAUSE_MILLIS = 50;
  private static final int LAST_PAUSE_MILLIS = 5_000;

  private record Event(String topic, Any any, long millis) {}

  private final ShimRecord record;
  private final ShimLog log;
  private final ArrayDeque<Event> queue = new ArrayDeque<>();
  private Optional<TtrpcClient> client = Optional.empty();
  private boolean closing;
  private boolean sending;

  EventPublisher(ShimRecord record, ShimLog log) {
    this.record = record;
    this.log = log;
  }

  /**
   * Adds an event.
   *
   * @param topic {@code /tasks/exit} and the like
   * @param type the message's full name
   */
  synchronized void publish(String topic, String type, ProtoMessage event) {
    if (queue.size() >= QUEUE_LIMIT) {
      queue.removeFirst();
    }
    Any any = Any.builder().typeUrl(type).value(event.encode()).build();
    queue.addLast(new Event(topic, any, System.currentTimeMillis()));
    notifyAll();
  }

  /** How many events wait. */
  synchronized int waiting() {
    return queue.size();
  }

  @Override
  public void run() {
    int pause = FIRST_PAUSE_MILLIS;
    try {
      while (true) {
        Event event = next();
        if (send(event)) {
          done();
          pause = FIRST_PAUSE_MILLIS;
        } else {
          pauseFor(pause);
          pause = Math.min(2 * pause, LAST_PAUSE_MILLIS);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized Event next() throws InterruptedException {
    while (queue.isEmpty()) {
      wait();
    }
    sending = true;
    return queue.getFirst();
  }

  private synchronized void done() {
    // A full queue may have dropped it meanwhile.
    queue.pollFirst();
    sending = false;
    notifyAll();
  }

  /** Waits before the next attempt; only briefly once a caller waits for the end. */
  private void pauseFor(int millis) {
    boolean hurry;
    synchronized (this) {
      sending = false;
      hurry = closing;
    }
    LockSupport.parkNanos((hurry ? FIRST_PAUSE_MILLIS : millis) * 1_000_000L);
  }

  /** Waits until all is sent, at most so long. */
  synchronized void flush(int timeoutMillis) {
    closing = true;
    long deadline = System.nanoTime() + timeoutMillis * 1_000_000L;
    try {
      while (!queue.isEmpty() || sending) {
        long left = (deadline - System.nanoTime()) / 1_000_000;
        if (left <= 0) {
          return;
        }
        wait(left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean send(Event event) {
    try {
      return record.ttrpcAddress().isEmpty() ? publishByBinary(event) : forward(event);
    } catch (ConnectionLostException | LinuxException e) {
      disconnect();
      log.debug("containerd does not accept event " + event.topic() + " yet: " + e.getMessage());
      return false;
    } catch (RpcException e) {
      // It has answered: it does not want this one, and will not want it again.
      if (e.status() == dev.casemate.rpc.RpcStatus.DEADLINE_EXCEEDED) {
        disconnect();
        return false;
      }
      log.warn("containerd refuses event " + event.topic() + ": " + e.text());
      return true;
    }
  }

  private boolean forward(Event event) {
    TtrpcClient connection = connect();
    Envelope envelope =
        Envelope.builder()
            .timestamp(TaskApi.timestamp(event.millis()))
            .namespace(record.namespace())
            .topic(event.topic())
            .event(event.any())
            .build();
    connection.call(
        EventsService.NAME,
        EventsService.FORWARD,
        ForwardRequest.builder().envelope(envelope).build().encode(),
        CALL_TIMEOUT_MILLIS,
        Map.of("containerd-namespace-ttrpc", record.namespace()));
    return true;
  }

  private TtrpcClient connect() {
    if (client.isEmpty() || !client.get().isOpen()) {
      disconnect();
      String address = record.ttrpcAddress();
      String path = address.startsWith("unix://") ? address.substring("unix://".length()) : address;
      client = Optional.of(new TtrpcClient(new FdChannel(UnixSocket.connect(path)), "containerd"));
    }
    return client.get();
  }

  private void disconnect() {
    client.ifPresent(TtrpcClient::close);
    client = Optional.empty();
  }

  /** {@code containerd publish}, which reads the event from its standard input. */
  private boolean publishByBinary(Event event) {
    String program = Spawn.find(record.publishBinary(), Env.get("PATH"));
    if (program.isEmpty()) {
      log.warn(
          "event "
              + event.topic()
              + " is lost: there is neither TTRPC_ADDRESS nor the program \""
              + record.publishBinary()
              + "\"");
      return true;
    }
    try (Pipe pipe = Pipe.open();
        Fd nothing = Fs.open("/dev/null", OpenFlag.READ_WRITE)) {
      int pid =
          Spawn.program(
                  program,
                  List.of(
                      program,
                      "--address",
                      record.containerdAddress(),
                      "publish",
                      "--topic",
                      event.topic(),
                      "--namespace",
                      record.namespace()))
              .stdio(pipe.read(), nothing, nothing)
              .start();
      pipe.read().close();
      pipe.write().writeAll(event.any().encode());
      pipe.write().close();
      return Processes.waitFor(pid, 0).filter(status -> status.exitStatus() == 0).isPresent();
    }
  }
}
