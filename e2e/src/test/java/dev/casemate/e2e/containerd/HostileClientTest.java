package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.casemate.linux.UnixSocket;
import dev.casemate.protocol.task.ConnectRequest;
import dev.casemate.protocol.task.ConnectResponse;
import dev.casemate.protocol.task.StateRequest;
import dev.casemate.protocol.task.StateResponse;
import dev.casemate.protocol.task.Status;
import dev.casemate.protocol.task.TaskService;
import dev.casemate.rpc.TtrpcClient;
import dev.casemate.sandbox.FdChannel;
import dev.casemate.testsupport.Wait;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Hundreds of clients of a shim that never read what they have asked for, or never ask. */
final class HostileClientTest extends NewestLineCases {
  private static final int MANY = 200;
  private static final int TOO_MANY = 400;

  /** Requests that a client pipelines, if the shim reads them. */
  private static final int REQUESTS = 20_000;

  private final List<SocketChannel> clients = new ArrayList<>();

  @BeforeAll
  static void importImages() {
    containerd().withImages();
  }

  @BeforeEach
  void assumeVm() {
    assumeThat(VM).isTrue();
  }

  private SocketChannel connect(String id) throws IOException {
    SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX);
    clients.add(client);
    client.connect(UnixDomainSocketAddress.of(engine().shimSocket(id)));
    client.configureBlocking(false);
    return client;
  }

  private void disconnect() throws IOException {
    for (SocketChannel client : clients) {
      client.close();
    }
    clients.clear();
  }

  /** State of the task, as the bytes of a request of ttrpc. */
  private static ByteBuffer request(String id, int stream) {
    byte[] message = StateRequest.builder().id(id).build().encode();
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    field(data, 1, TaskService.NAME.getBytes(StandardCharsets.UTF_8));
    field(data, 2, TaskService.STATE.getBytes(StandardCharsets.UTF_8));
    field(data, 3, message);
    return ByteBuffer.allocate(10 + data.size())
        .putInt(data.size())
        .putInt(stream)
        .put((byte) 1)
        .put((byte) 0)
        .put(data.toByteArray())
        .flip();
  }

  private static void field(ByteArrayOutputStream to, int number, byte[] bytes) {
    to.write(number << 3 | 2);
    to.write(bytes.length);
    to.writeBytes(bytes);
  }

  /** Writes as many requests as are taken; whether the shim has stopped reading. */
  private static boolean flood(SocketChannel client, String id) throws IOException {
    for (int i = 0; i < REQUESTS; i++) {
      ByteBuffer request = request(id, 2 * i + 1);
      for (int waits = 0; request.hasRemaining(); waits++) {
        if (client.write(request) == 0) {
          if (waits > 10) {
            return true;
          }
          Wait.millis(5);
        }
      }
    }
    return false;
  }

  private TtrpcClient client(String id) {
    return new TtrpcClient(
        new FdChannel(UnixSocket.connect(engine().shimSocket(id).toString())), "the shim");
  }

  private void assertAnswersInTime(String id) {
    byte[] request = StateRequest.builder().id(id).build().encode();
    long longest = 0;
    try (TtrpcClient client = client(id)) {
      for (int i = 0; i < 200; i++) {
        long start = System.nanoTime();
        byte[] answer = client.call(TaskService.NAME, TaskService.STATE, request, 10_000);
        longest = Math.max(longest, System.nanoTime() - start);
        assertThat(StateResponse.decode(answer).status()).isEqualTo(Status.RUNNING);
      }
    }
    assertThat(longest / 1_000_000).as("milliseconds for a State").isLessThan(1_000);
    assertThat(status(id)).isEqualTo("RUNNING");
    assertThat(script(id, "echo served").expect(0).out()).isEqualTo("served\n");
  }

  private int shimPid(String id) {
    byte[] request = ConnectRequest.builder().id(id).build().encode();
    try (TtrpcClient client = client(id)) {
      return ConnectResponse.decode(
              client.call(TaskService.NAME, TaskService.CONNECT, request, 10_000))
          .shimPid();
    }
  }

  private static long count(int pid, String what) {
    try (Stream<Path> entries = Files.list(Path.of("/proc", String.valueOf(pid), what))) {
      return entries.count();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean isCutOff(SocketChannel client) {
    try {
      client.write(ByteBuffer.wrap(new byte[1]));
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  @Test
  void hundredsOfConnectionsThatNeverRead() throws IOException {
    String id = detached("flooded", "sleep", "1000");
    int shim = shimPid(id);
    assertAnswersInTime(id);
    long threads = count(shim, "task");
    long descriptors = count(shim, "fd");
    for (int i = 0; i < MANY; i++) {
      // The first may be cut off before the last has begun.
      assertThat(flood(connect(id), id)).as("reading ends for client " + i).isTrue();
    }
    assertAnswersInTime(id);
    assertThat(count(shim, "task")).isLessThan(threads + 3 * MANY);
    Wait.until(
        60, "the end of all that never read", () -> clients.stream().allMatch(c -> isCutOff(c)));
    assertAnswersInTime(id);
    Wait.until(
        30,
        () -> "threads to end: " + count(shim, "task") + " instead of " + threads,
        () -> count(shim, "task") <= threads + 5 && count(shim, "fd") <= descriptors + 3);
    disconnect();
    remove(id);
  }

  @Test
  void moreConnectionsThanThereArePlacesFor() throws IOException {
    String id = detached("crowded", "sleep", "1000");
    int shim = shimPid(id);
    long descriptors = count(shim, "fd");
    for (int i = 0; i < TOO_MANY; i++) {
      connect(id);
    }
    assertAnswersInTime(id);
    assertThat(count(shim, "fd")).isLessThan(descriptors + 270);
    disconnect();
    Wait.until(
        30,
        () -> "connections to end: " + count(shim, "fd") + " instead of " + descriptors,
        () -> count(shim, "fd") <= descriptors + 3);
    remove(id);
  }
}
