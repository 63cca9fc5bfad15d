package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Fd;
import dev.casemate.linux.UnixSocket;
import dev.casemate.protocol.events.EventsService;
import dev.casemate.protocol.events.ForwardRequest;
import dev.casemate.protocol.events.TaskExit;
import dev.casemate.protocol.google.Empty;
import dev.casemate.rpc.RpcContext;
import dev.casemate.rpc.RpcService;
import dev.casemate.rpc.TtrpcServer;
import dev.casemate.sandbox.Acceptor;
import dev.casemate.sandbox.Threads;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EventPublisherTest {
  /** containerd's end. */
  private static final class Events implements RpcService {
    private final List<String> seen = Collections.synchronizedList(new ArrayList<>());

    @Override
    public String name() {
      return EventsService.NAME;
    }

    @Override
    public byte[] call(String method, byte[] payload, RpcContext context) {
      ForwardRequest request = ForwardRequest.decode(payload);
      var envelope = request.envelope().orElseThrow();
      TaskExit exit = TaskExit.decode(envelope.event().orElseThrow().value());
      seen.add(
          envelope.namespace()
              + context.metadata().get("containerd-namespace-ttrpc")
              + envelope.topic()
              + " "
              + exit.containerId());
      return Empty.builder().build().encode();
    }
  }

  private static ShimRecord record(String ttrpc) {
    return new ShimRecord(
        "id", "ns", "g", "/nowhere", "/s", "/c", ttrpc, "", false, RuntimeOptions.NONE, 0, 0);
  }

  private static void publish(EventPublisher publisher, int number) {
    publisher.publish(
        "/tasks/exit",
        "containerd.events.TaskExit",
        TaskExit.builder().containerId("c" + number).build());
  }

  @Test
  void keepsTheOrderOverAContainerdThatIsAway(@TempDir Path directory) {
    String socket = directory + "/e.sock";
    EventPublisher publisher =
        new EventPublisher(record("unix://" + socket), ShimLog.open("/nowhere", "g", false));
    Threads.start("events", publisher);
    for (int i = 0; i < 50; i++) {
      publish(publisher, i);
    }
    Events events = new Events();
    Fd listener = UnixSocket.listen(socket, 4);
    Threads.start("accept", () -> Acceptor.run(listener, new TtrpcServer(List.of(events))));

    publisher.flush(30_000);

    assertThat(events.seen).hasSize(50);
    for (int i = 0; i < 50; i++) {
      assertThat(events.seen.get(i)).isEqualTo("nsns/tasks/exit c" + i);
    }
    listener.close();
  }

  @Test
  void doesNotGrowWithoutEnd(@TempDir Path directory) {
    EventPublisher publisher =
        new EventPublisher(record(directory + "/none.sock"), ShimLog.open("/nowhere", "g", false));
    for (int i = 0; i < EventPublisher.QUEUE_LIMIT + 100; i++) {
      publish(publisher, i);
    }

    assertThat(publisher.waiting()).isEqualTo(EventPublisher.QUEUE_LIMIT);
  }
}
