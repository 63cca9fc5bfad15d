package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.casemate.base.Json;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.TestRegistry;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** {@code --network bridge}: addresses, names, ports. */
class NetworkTest extends EndToEnd {
  private static int port;

  @BeforeAll
  static void start() {
    port = TestRegistry.freePort();
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
        "-v",
        udpServer() + ":/srv:ro",
        IMAGE,
        "sh",
        "-c",
        "mkdir /www; echo hello from inside > /www/index.html; /srv/udp & exec httpd -f -p 80 -h"
            + " /www");
  }

  /** A directory with a server that answers each datagram with "heard " before it. */
  private static Path udpServer() {
    Path directory = files("udp");
    write(
        directory.resolve("udp.c"),
        """
        #include <netinet/in.h>
        #include <string.h>
        #include <sys/socket.h>
        int main(void) {
          struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(8080)};
          int server = socket(AF_INET, SOCK_DGRAM, 0);
          if (bind(server, (struct sockaddr *)&here, sizeof here)) return 1;
          for (;;) {
            char text[600] = "heard ";
            struct sockaddr_in from;
            socklen_t length = sizeof from;
            ssize_t n = recvfrom(server, text + 6, 512, 0, (struct sockaddr *)&from, &length);
            if (n > 0) sendto(server, text, n + 6, 0, (struct sockaddr *)&from, length);
          }
        }
        """);
    Shell.run("gcc -static -O1 -o " + directory + "/udp " + directory + "/udp.c");
    return directory;
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

  private static Json.Obj udpPort() {
    for (Json.Obj port : state("server").objects("ports")) {
      if (port.string("protocol").equals("udp")) {
        return port;
      }
    }
    throw new AssertionError("no UDP port: " + state("server").text());
  }

  @Test
  void aPublishedUdpPort() throws IOException {
    Json.Obj mapping = udpPort();
    assertThat(mapping.integer("containerPort", 0)).isEqualTo(8080);
    assertThat(mapping.string("hostAddress")).isEqualTo("0.0.0.0");
    InetSocketAddress there =
        new InetSocketAddress("127.0.0.1", (int) mapping.integer("hostPort", 0));
    byte[] hello = "hello\n".getBytes(StandardCharsets.UTF_8);
    // Datagrams may be lost, and the server may not have begun.
    for (int i = 0; i < 60; i++) {
      try (DatagramSocket socket = new DatagramSocket()) {
        socket.setSoTimeout(1000);
        socket.send(new DatagramPacket(hello, hello.length, there));
        DatagramPacket answer = new DatagramPacket(new byte[100], 100);
        socket.receive(answer);
        assertThat(new String(answer.getData(), 0, answer.getLength(), StandardCharsets.UTF_8))
            .isEqualTo("heard hello\n");
        return;
      } catch (SocketTimeoutException e) {
        Wait.millis(200);
      }
    }
    throw new AssertionError("no answer from UDP port " + mapping.text());
  }

  @Test
  void addressesOfIpv6AreRefused() {
    fails(125, List.of("run", "-p", "[::1]:8080:80", IMAGE, "true"), "[::1]", "IPv4");
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
    int free = TestRegistry.freePort();
    for (int i = 0; i < 2; i++) {
      ok("run", "--rm", "-p", free + ":80", IMAGE, "true");
    }
    assertThat(TestRegistry.listens(free)).isFalse();
  }
}
