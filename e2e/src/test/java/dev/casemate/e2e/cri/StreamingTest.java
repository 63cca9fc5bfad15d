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
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;

/** What kubectl's exec, attach, cp and port-forward do, at the far end. */
final class StreamingTest extends CriCases {
  private static final int MIB = 1 << 20;
  private static final int HOST_PORT = 18098;

  private static Pod pod;

  @BeforeParameterizedClassInvocation
  static void startPod() {
    Cri.PortMapping mapping =
        Cri.PortMapping.newBuilder()
            .setProtocol(Cri.Protocol.TCP)
            .setContainerPort(80)
            .setHostPort(HOST_PORT)
            .build();
    pod = new Pod(client(), "", config -> config.addPortMappings(mapping));
  }

  @AfterParameterizedClassInvocation
  static void removePod() {
    pod.close();
  }

  /** The pod is the whole class's: a test that failed takes it from no other. */
  @Override
  public void removeContainers() {}

  private Streams streams() {
    return new Streams(client(), engine());
  }

  private static void remove(String container) {
    pod.stop(container, 0);
    pod.remove(container);
  }

  @Test
  void aPublishedPort() {
    String web =
        pod.start(
            "web",
            "sh",
            "-c",
            "mkdir /www; echo page > /www/index.html; exec httpd -f -p 80 -h /www");
    Wait.until(
        SECONDS,
        "the page at the published port",
        () -> engine().fetch("http://10.89.77.1:" + HOST_PORT + "/").run().out().equals("page\n"));
    remove(web);
  }

  @Test
  void execAndAttach() {
    String reader =
        pod.start(
            "reader",
            config -> config.setStdin(true),
            "sh",
            "-c",
            "while read line; do echo got-$line; done; sleep 1000");
    streams().exec(reader);
    streams().execInTerminal(reader);
    streams().attach(reader);
    remove(reader);
  }

  @Test
  void portForward() {
    String web =
        pod.start(
            "forwarded",
            "sh",
            "-c",
            "mkdir /www; echo page > /www/index.html; yes '' | head -c 3000000 > /www/big;"
                + " exec httpd -f -p 127.0.0.1:8080 -h /www");
    Wait.until(
        SECONDS,
        "the page inside",
        () -> pod.exec(web, "timeout", "10", "wget", "-qO-", "http://127.0.0.1:8080/").exit() == 0);
    streams().forward(pod, 8080, "page\n");
    streams().download(pod, 8080, "big", 3_000_000);
    streams().refused(pod, 8081);
    streams().forward(pod, 8080, "page\n");
    remove(web);
  }

  @Test
  void attachToATerminal() {
    String shell = pod.start("shell", config -> config.setStdin(true).setTty(true), "sh");
    streams().attachToTerminal(shell, 31, 91);
    // Who lets go of it leaves it running, for whoever comes next.
    assertThat(pod.status(shell).getState()).isEqualTo(Cri.ContainerState.CONTAINER_RUNNING);
    streams().attachToTerminal(shell, 25, 77);
    streams().typeInTerminal(shell, "exit 7\n");
    pod.awaitExit(shell, 7);
    assertThat(pod.log("shell")).contains("31 91").contains("25 77");
    pod.remove(shell);
  }

  /** As kubectl cp: a tar on standard input of one exec, and on standard output of another. */
  @Test
  void filesGoInAndOutAsTars() throws Exception {
    Path directory = Places.fresh("cp");
    byte[] content = new byte[6 * MIB];
    new Random(7).nextBytes(content);
    Files.write(directory.resolve("big"), content);
    Shell.run("cd '" + directory + "' && tar -cf in.tar big");
    String container = pod.start("files", "sleep", "1000");
    pod.script(container, "mkdir /in");
    byte[] tar = Files.readAllBytes(directory.resolve("in.tar"));
    // This protocol has no end of standard input, and busybox' tar reads on behind the archive's.
    streams().upload(container, tar, "head -c " + tar.length + " | tar -xmf - -C /in");
    String sum = Shell.run("sha256sum < '" + directory + "/big'").out();
    assertThat(pod.script(container, "sha256sum < /in/big")).isEqualTo(sum);
    Files.write(
        directory.resolve("out.tar"), streams().download(container, "tar -cf - -C /in big"));
    assertThat(Shell.run("cd '" + directory + "' && tar -xOf out.tar big | sha256sum").out())
        .isEqualTo(sum);
    remove(container);
  }
}
