package dev.casemate.e2e.docker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.e2e.GuestRoot;
import dev.casemate.e2e.engine.Places;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Wait;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Volumes and networks of Docker. */
final class DockerResourcesTest extends DockerCases {
  @Test
  void bindMounts() throws Exception {
    Path directory = Places.fresh(fresh("bind"));
    Files.writeString(directory.resolve("in"), "host\n");
    Result result =
        docker(
                "run",
                "--rm",
                "-v",
                directory + ":/rw",
                "-v",
                directory + ":/ro:ro",
                "-v",
                directory.resolve("in") + ":/etc/one",
                "--tmpfs",
                "/scratch:size=1m",
                IMAGE,
                "sh",
                "-c",
                "cat /rw/in /etc/one; echo guest > /rw/out; touch /ro/x; df -k /scratch | tail -n1")
            .run();
    result.expect(0);
    assertThat(result.out()).startsWith("host\nhost\n");
    assertThat(result.out()).contains(" 1024 ");
    assertThat(result.err()).contains("Read-only file system");
    assertThat(Files.readString(directory.resolve("out"))).isEqualTo("guest\n");
  }

  @Test
  void guestRootGetsNowhereBeyondItsShares() {
    if (!VM) {
      return;
    }
    GuestRoot.Prey prey = GuestRoot.Prey.in(Places.fresh(fresh("wall")));
    Result result =
        docker(
                "run",
                "--rm",
                "--cap-add",
                "SYS_ADMIN",
                "--security-opt",
                "seccomp=unconfined",
                "--security-opt",
                "apparmor=unconfined",
                "-v",
                prey.volume() + ":/volume:ro",
                "-v",
                prey.file() + ":/file:ro",
                IMAGE,
                "sh",
                "-c",
                prey.attack())
            .run();
    GuestRoot.assertRepelled(result.expect(0).out(), 1, 1);
    prey.assertUnharmed();
  }

  @Test
  void whatIsWrittenToHostsStaysInTheGuest() throws Exception {
    if (!VM) {
      return;
    }
    String id = detached("hosts", "sleep", "1000");
    Path hosts = Path.of(inspect(id, "{{.HostsPath}}"));
    String before = Files.readString(hosts);
    assertThat(before).isNotEmpty();
    assertThat(script(id, "cat /etc/hosts").out()).isEqualTo(before);
    Result result =
        script(
            id,
            "for f in hosts hostname resolv.conf; do dd if=/dev/zero of=/etc/$f bs=1M count=20;"
                + " done; echo '127.0.0.1 mine' > /etc/hosts; cat /etc/hosts");
    assertThat(result.err()).as(result.toString()).contains("No space left on device");
    assertThat(result.out()).isEqualTo("127.0.0.1 mine\n");
    assertThat(Files.readString(hosts)).isEqualTo(before);
    for (String file : List.of("hostname", "resolv.conf")) {
      assertThat(Files.size(hosts.resolveSibling(file))).as(file).isLessThan(4096);
    }
    remove(id);
  }

  @Test
  void volumesOutliveContainers() {
    String volume = fresh("volume");
    docker("volume", "create", volume).ok();
    docker("run", "--rm", "-v", volume + ":/data", IMAGE, "sh", "-c", "echo kept > /data/file")
        .ok();
    assertThat(
            docker("run", "--rm", "-v", volume + ":/data", IMAGE, "cat", "/data/file").ok().out())
        .isEqualTo("kept\n");
    docker("volume", "rm", volume).ok();
  }

  @Test
  void theDefaultBridge() {
    String name =
        detached(
            "web",
            List.of("-p", "127.0.0.1:18099:80"),
            "sh",
            "-c",
            "mkdir /www; echo page > /www/index.html; httpd -f -p 80 -h /www");
    String address = inspect(name, "{{.NetworkSettings.IPAddress}}");
    assertThat(script(name, "ip -4 addr show eth0").expect(0).out())
        .contains("inet " + address + "/24");
    assertThat(script(name, "ip route").expect(0).out()).contains("default via 172.31.78.1");
    Wait.until(
        SECONDS, "the page on the address", () -> page("http://" + address + "/").equals("page\n"));
    assertThat(page("http://127.0.0.1:18099/")).isEqualTo("page\n");
    Result other = docker("run", "--rm", IMAGE, "wget", "-qO-", "http://" + address + "/").run();
    assertThat(other.out()).as(other.toString()).isEqualTo("page\n");
    remove(name);
  }

  private String page(String url) {
    return engine().fetch(url).run().out();
  }

  @Test
  void twoContainersFindEachOtherByName() {
    String network = fresh("net");
    docker("network", "create", network).ok();
    String server =
        detached(
            "server",
            List.of("--network", network),
            "sh",
            "-c",
            "mkdir /www; echo by-name > /www/index.html; httpd -f -p 80 -h /www");
    String client = detached("client", List.of("--network", network), "sleep", "1000");
    Wait.until(
        SECONDS,
        () ->
            "the page by name: "
                + script(
                    client,
                    "cat /etc/resolv.conf; nslookup "
                        + server
                        + "; timeout 10 wget -qO- http://"
                        + server
                        + "/"),
        () ->
            script(client, "timeout 10 wget -qO- http://" + server + "/")
                .out()
                .equals("by-name\n"));
    // By TCP, as for long answers: the length in two bytes, the id, one question.
    String question =
        "\\022\\064\\001\\000\\000\\001\\000\\000\\000\\000\\000\\000"
            + octal(server.length())
            + server
            + "\\000\\000\\001\\000\\001";
    int length = 12 + 1 + server.length() + 5;
    String ask =
        "printf '\\000"
            + octal(length)
            + question
            + "' | timeout 10 nc 127.0.0.11 53 | od -An -tx1";
    Result answer = script(client, ask).expect(0);
    assertThat(answer.out().substring(6)).as(answer.toString()).startsWith(" 12 34 8");
    assertThat(script(client, "nslookup no-such-container").exit()).isNotZero();
    remove(server, client);
    docker("network", "rm", network).ok();
  }

  private static String octal(int value) {
    return "\\" + String.format("%03o", value);
  }

  @Test
  void aNetworkThatIsConnectedLater() {
    String network = fresh("later");
    docker("network", "create", "--subnet", "172.31.79.0/24", network).ok();
    String name = detached("connected", "sleep", "1000");
    docker("network", "connect", network, name).ok();
    Wait.until(
        SECONDS,
        () -> "a second address: " + script(name, "ip -4 addr"),
        () -> script(name, "ip -4 addr").out().contains("inet 172.31.79."));
    docker("network", "disconnect", network, name).ok();
    Wait.until(
        SECONDS,
        () -> "the second address to go: " + script(name, "ip -4 addr"),
        () -> !script(name, "ip -4 addr").out().contains("inet 172.31.79."));
    remove(name);
    docker("network", "rm", network).ok();
  }

  @Test
  void withoutANetwork() {
    Result result = docker("run", "--rm", "--network", "none", IMAGE, "ip", "-o", "link").run();
    result.expect(0);
    assertThat(
            result
                .out()
                .lines()
                .filter(line -> !line.contains("sit0") && !line.contains("tunl0"))
                .toList())
        .as(result.toString())
        .hasSize(1);
  }

  @Test
  void hostNetworkingIsRefusedRatherThanTakenAway() {
    Result result = docker("run", "--rm", "--network", "host", IMAGE, "ip", "-o", "link").run();
    if (VM) {
      assertThat(result.exit()).as(result.toString()).isEqualTo(125);
      assertThat(result.err()).contains("host").contains("network");
      removeContainers();
    } else {
      result.expect(0);
    }
    assertThat(engine().inNetwork("ip", "-o", "link").ok().out()).contains("docker0");
  }

  @Test
  void composedServices() throws Exception {
    Path directory = Places.fresh(fresh("compose"));
    Files.writeString(
        directory.resolve("compose.yaml"),
        """
        services:
          web:
            image: busybox
            command: ["sh", "-c", "mkdir /www; cat /run/secrets/word > /www/index.html; httpd -f -p 80 -h /www"]
            secrets: [word]
          caller:
            image: busybox
            command: ["sh", "-c", "until timeout 10 wget -qO- http://web/; do sleep 0.2; done; exec sleep 1000"]
            depends_on: [web]
        secrets:
          word:
            file: ./word
        """);
    Files.writeString(directory.resolve("word"), "composed\n");
    String file = directory.resolve("compose.yaml").toString();
    docker("compose", "-f", file, "up", "-d").ok();
    Wait.until(
        SECONDS,
        () -> "the page in the log: " + docker("compose", "-f", file, "logs").run(),
        () -> docker("compose", "-f", file, "logs", "caller").run().out().contains("composed"));
    docker("compose", "-f", file, "down", "-t", "1").ok();
  }
}
