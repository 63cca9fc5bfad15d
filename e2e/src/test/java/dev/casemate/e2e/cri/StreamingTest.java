package dev.casemate.e2e.cri;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.e2e.engine.Places;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import kubernetes.cri.v1.Cri;
import org.junit.jupiter.api.Test;

/** What kubectl's exec, attach, cp and port-forward do, at the far end. */
final class StreamingTest extends CriCases {
  private static final int MIB = 1 << 20;

  @Test
  void publishedPortsAndStreams() {
    Cri.PortMapping mapping =
        Cri.PortMapping.newBuilder()
            .setProtocol(Cri.Protocol.TCP)
            .setContainerPort(80)
            .setHostPort(18098)
            .build();
    try (Pod pod = new Pod(client(), "", config -> config.addPortMappings(mapping))) {
      String web =
          pod.start(
              "web",
              config -> config.setStdin(true),
              "sh",
              "-c",
              "mkdir /www; echo page > /www/index.html; httpd -p 80 -h /www; while read line; do echo got-$line; done; sleep 1000");
      Wait.until(
          SECONDS,
          "the page at the published port",
          () -> engine().fetch("http://10.89.77.1:18098/").run().out().equals("page\n"));
      Streams streams = new Streams(client(), engine());
      streams.exec(web);
      streams.execInTerminal(web);
      streams.attach(web);
    }
  }

  @Test
  void portForward() {
    try (Pod pod = new Pod(client())) {
      String web =
          pod.start(
              "web",
              "sh",
              "-c",
              "mkdir /www; echo page > /www/index.html; yes '' | head -c 9000000 > /www/big;"
                  + " exec httpd -f -p 127.0.0.1:80 -h /www");
      Wait.until(
          SECONDS,
          "the page inside",
          () -> pod.exec(web, "timeout", "10", "wget", "-qO-", "http://127.0.0.1/").exit() == 0);
      Streams streams = new Streams(client(), engine());
      streams.forward(pod, 80, "page\n");
      streams.download(pod, 80, "big", 9_000_000);
      streams.refused(pod, 81);
      streams.forward(pod, 80, "page\n");
    }
  }

  @Test
  void attachToATerminal() {
    try (Pod pod = new Pod(client())) {
      String shell = pod.start("shell", config -> config.setStdin(true).setTty(true), "sh");
      Streams streams = new Streams(client(), engine());
      streams.attachToTerminal(shell, 31, 91);
      // Who lets go of it leaves it running, for whoever comes next.
      assertThat(pod.status(shell).getState()).isEqualTo(Cri.ContainerState.CONTAINER_RUNNING);
      streams.attachToTerminal(shell, 25, 77);
      streams.typeInTerminal(shell, "exit 7\n");
      pod.awaitExit(shell, 7);
      assertThat(pod.log("shell")).contains("31 91").contains("25 77");
    }
  }

  /** As kubectl cp: a tar on standard input of one exec, and on standard output of another. */
  @Test
  void filesGoInAndOutAsTars() throws Exception {
    Path directory = Places.fresh("cp");
    byte[] content = new byte[20 * MIB];
    new Random(7).nextBytes(content);
    Files.write(directory.resolve("big"), content);
    Shell.run("cd '" + directory + "' && tar -cf in.tar big");
    try (Pod pod = new Pod(client())) {
      String container = pod.start("files", "sleep", "1000");
      pod.script(container, "mkdir /in");
      Streams streams = new Streams(client(), engine());
      byte[] tar = Files.readAllBytes(directory.resolve("in.tar"));
      // This protocol has no end of standard input, and busybox' tar reads on behind the archive's.
      streams.upload(container, tar, "head -c " + tar.length + " | tar -xmf - -C /in");
      String sum = Shell.run("sha256sum < '" + directory + "/big'").out();
      assertThat(pod.script(container, "sha256sum < /in/big")).isEqualTo(sum);
      Files.write(
          directory.resolve("out.tar"), streams.download(container, "tar -cf - -C /in big"));
      assertThat(Shell.run("cd '" + directory + "' && tar -xOf out.tar big | sha256sum").out())
          .isEqualTo(sum);
    }
  }
}
