package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** {@code --network bridge}: addresses, names, ports. */
class NetworkTest extends EndToEnd {
  private static int port;

  @BeforeAll
  static void start() {
    port = Registry.freePort();
    detached(
        "server",
        "--network",
        "bridge",
        "--hostname",
        "server",
        "-p",
        "127.0.0.1:" + port + ":80",
        "-p",
        "8080/udp",
        IMAGE,
        "sh",
        "-c",
        "mkdir /www; echo hello from inside > /www/index.html; exec httpd -f -p 80 -h /www");
  }

  @AfterAll
  static void stop() {
    remove("server");
  }

  private static String address() {
    return state("server").string("address");
  }

  @Test
  void whatTheGuestHas() {
    Result result =
        script(
                "server",
                """
                echo address=$(ip -4 -o addr show dev eth0)
                echo route=$(ip route | grep default)
                echo gateway=$(ip route | sed -n 's/default via \\([0-9.]*\\).*/\\1/p')
                echo ping=$(ping -c 1 -W 10 $(ip route | sed -n 's/default via \\([0-9.]*\\).*/\\1/p') >/dev/null; echo $?)
                echo hosts=$(grep server /etc/hosts)
                echo resolv=$(cat /etc/resolv.conf | tr '\\n' ' ')
                echo links=$(ls /sys/class/net | tr '\\n' ' ')
                """)
            .expect(0);
    assertThat(address()).matches("[0-9.]+");
    assertThat(result.value("address=")).contains("inet " + address() + "/");
    assertThat(result.value("route=")).contains("default via ", "dev eth0");
    assertThat(result.value("ping=")).as(result.toString()).isEqualTo("0");
    assertThat(result.value("hosts=")).startsWith(address());
    assertThat(result.value("links=")).isEqualTo("eth0 lo");
  }

  @Test
  void aPublishedPort() {
    Result result = Shell.run("curl -sS -m 30 http://127.0.0.1:" + port + "/");
    assertThat(result.out()).isEqualTo("hello from inside\n");
    assertThat(Shell.run("curl -sS -m 30 http://" + address() + "/").out())
        .isEqualTo("hello from inside\n");
    // The host port that was chosen for 8080/udp is told.
    assertThat(ok("ps").out()).contains("127.0.0.1:" + port).containsPattern("[0-9]+->8080/udp");
  }

  @Test
  void theHostFromInside() throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress("0.0.0.0", 0), 0);
    server.createContext(
        "/",
        exchange -> {
          byte[] body =
              (exchange.getRemoteAddress().getAddress().getHostAddress() + "\n")
                  .getBytes(java.nio.charset.StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(200, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
    try {
      int number = server.getAddress().getPort();
      Result result =
          script(
                  "server",
                  "wget -q -O - http://$(ip route | sed -n 's/default via \\([0-9.]*\\).*/\\1/p'):"
                      + number
                      + "/")
              .expect(0);
      assertThat(result.out()).isEqualTo(address() + "\n");
    } finally {
      server.stop(0);
    }
  }

  @Test
  void fromOneContainerToAnother() {
    Result result =
        ok(
            "run",
            "--rm",
            "--network",
            "bridge",
            "--dns",
            "192.0.2.53",
            IMAGE,
            "sh",
            "-c",
            "wget -q -O - http://" + address() + "/; cat /etc/resolv.conf");
    assertThat(result.out()).startsWith("hello from inside\n").contains("nameserver 192.0.2.53");
  }

  @Test
  void portsThatAreTaken() throws IOException {
    fails(
        125,
        List.of("run", "--rm", "-p", "127.0.0.1:" + port + ":80", IMAGE, "true"),
        Integer.toString(port));
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      fails(
          125,
          List.of("run", "--rm", "-p", "127.0.0.1:" + socket.getLocalPort() + ":80", IMAGE, "true"),
          Integer.toString(socket.getLocalPort()),
          "process " + ProcessHandle.current().pid());
    }
    assertThat(Shell.run("curl -sS -m 30 http://127.0.0.1:" + port + "/").out())
        .isEqualTo("hello from inside\n");
  }

  @Test
  void aPortIsFreeAgainAfterwards() {
    int free = Registry.freePort();
    for (int i = 0; i < 2; i++) {
      ok("run", "--rm", "-p", free + ":80", IMAGE, "true");
    }
    assertThat(Registry.listens(free)).isFalse();
  }
}
