package dev.casemate.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.InetSocket.Datagram;
import dev.casemate.linux.InetSocket.Peer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InetSocketTest {
  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "::1"})
  void datagramsKnowWhereTheyComeFrom(String text) {
    IpAddress address = IpAddress.parse(text);
    try (Fd server = InetSocket.bindDatagram(address, 0)) {
      int port = InetSocket.local(server).port();
      try (Fd client = InetSocket.connectDatagram(address, port)) {
        client.writeAll(new byte[] {1, 2, 3});
        Datagram question = InetSocket.receive(server, 100).orElseThrow();
        assertThat(question.data()).containsExactly(1, 2, 3);
        assertThat(question.peer()).isEqualTo(InetSocket.local(client));
        InetSocket.send(server, new Datagram(question.peer(), new byte[] {4}));
        assertThat(InetSocket.receive(client, 100).orElseThrow().data()).containsExactly(4);
        server.nonBlocking(true);
        assertThat(InetSocket.receive(server, 100)).isEmpty();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "::1"})
  void connectionsComeInOrAreRefused(String text) {
    IpAddress address = IpAddress.parse(text);
    int port;
    try (Fd listener = InetSocket.listen(address, 0, 5)) {
      Peer local = InetSocket.local(listener);
      port = local.port();
      assertThat(local.address()).isEqualTo(address);
      try (Fd client = InetSocket.connect(address, port, 5_000);
          Fd server = InetSocket.accept(listener).orElseThrow()) {
        client.writeAll(new byte[] {7});
        byte[] got = new byte[10];
        assertThat(server.read(got, 0, 10)).isEqualTo(1);
        InetSocket.resetOnClose(server);
        server.close();
        assertThatThrownBy(() -> client.read(got, 0, 10)).hasMessageContaining("ECONNRESET");
      }
      listener.nonBlocking(true);
      assertThat(InetSocket.accept(listener)).isEmpty();
    }
    assertThatThrownBy(() -> InetSocket.connect(address, port, 5_000))
        .hasMessageContaining("ECONNREFUSED")
        .hasMessageContaining(Integer.toString(port));
  }
}
