package dev.casemate.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.linux.Fd;
import dev.casemate.linux.InetSocket;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Loopback;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.linux.Poll;
import dev.casemate.network.DnsConfig;
import dev.casemate.network.NetworkConfig;
import dev.casemate.network.NetworkModel;
import dev.casemate.testsupport.Wait;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is carried between the two loopback interfaces, while containers of the pod come and go. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
@Tag("vm")
class PodRelaysTest {
  private static final IpAddress LOCALHOST = IpAddress.parse("127.0.0.1");
  private static final IpAddress SERVER = IpAddress.parse("127.0.0.11");
  private static final int PORT = 8080;

  private static final String RESOLVES =
      "busybox nc -ll -p 8080 -e /bin/cat & i=0; while :; do i=$((i+1)); "
          + "busybox nslookup -type=a some.test 127.0.0.11 && echo resolved-$i; sleep 1; done 2>&1";

  @TempDir Path directory;
  private String netns = "";

  /** Answers every question with 192.0.2.7. */
  private static void serve(Fd udp) {
    try {
      while (true) {
        InetSocket.Datagram question = InetSocket.receive(udp, 512).orElseThrow();
        byte[] asked = question.data();
        byte[] record = {(byte) 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, (byte) 192, 0, 2, 7};
        byte[] answer = Arrays.copyOf(asked, asked.length + record.length);
        System.arraycopy(record, 0, answer, asked.length, record.length);
        answer[2] = (byte) 0x81;
        answer[3] = (byte) 0x80;
        answer[7] = 1;
        InetSocket.send(udp, new InetSocket.Datagram(question.peer(), answer));
      }
    } catch (LinuxException | IllegalStateException e) {
      // The test has ended.
    }
  }

  private String echo(String text) {
    try (Fd socket =
        NetworkNamespace.run(netns, () -> InetSocket.connect(LOCALHOST, PORT, 5_000))) {
      socket.writeAll(text.getBytes(UTF_8));
      byte[] back = new byte[100];
      return Poll.await(socket, Poll.IN, 20_000) == 0
          ? "nothing"
          : new String(back, 0, Math.max(0, socket.read(back, 0, back.length)), UTF_8);
    } catch (LinuxException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private static int resolved(TestPod.Running container) {
    return (int) container.output().lines().filter(line -> line.startsWith("resolved-")).count();
  }

  private static void awaitResolved(TestPod.Running container, int more) {
    int wanted = resolved(container) + more;
    Wait.until(60, container::output, () -> resolved(container) >= wanted);
  }

  @Test
  void nameServersAndPortForwardOutliveAContainer() throws Exception {
    netns = directory.resolve("netns").toString();
    NetworkNamespace.create(
        netns,
        () -> {
          Loopback.up();
          return netns;
        });
    Path resolvConf = Files.writeString(directory.resolve("resolv.conf"), "nameserver 127.0.0.11");
    List<Json.Obj> mounts = List.of(TestPod.bind(resolvConf, "/etc/resolv.conf", "bind", "ro"));
    NetworkConfig network =
        new NetworkConfig.Namespace(netns, DnsConfig.HOST, NetworkModel.TCFILTER);
    try (Fd udp = NetworkNamespace.run(netns, () -> InetSocket.bindDatagram(SERVER, 53));
        TestPod pod = new TestPod(directory, Optional.of(network), 4)) {
      Threads.start("dns", () -> serve(udp));
      TestPod.Running first =
          pod.start("first", TestPod.spec("sleep 1000", mounts, new Json.Obj()));
      TestPod.Running other = pod.start("other", TestPod.spec(RESOLVES, mounts, new Json.Obj()));
      awaitResolved(other, 2);
      assertThat(other.output()).contains("192.0.2.7");
      assertThat(echo("before")).isEqualTo("before");
      pod.stop(first);
      awaitResolved(other, 2);
      assertThat(echo("after")).isEqualTo("after");
      // And once more, so that whoever has taken over is given up, too.
      TestPod.Running third = pod.start("third", TestPod.spec(RESOLVES, mounts, new Json.Obj()));
      awaitResolved(third, 2);
      pod.stop(other);
      awaitResolved(third, 2);
      pod.stop(third);
      assertThat(pod.warnings).isEmpty();
    } finally {
      NetworkNamespace.destroy(netns);
    }
  }
}
