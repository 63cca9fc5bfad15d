package dev.casemate.e2e.cri;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.e2e.engine.Places;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.util.List;
import kubernetes.cri.v1.Cri;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;

/** One pod with a web server and a container beside it; the last test stops the pod. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class PodContainersTest extends CriCases {
  private static Pod pod;
  private static String server = "";
  private static String beside = "";

  @BeforeParameterizedClassInvocation
  static void startPod() {
    pod = new Pod(client());
    server =
        pod.start(
            "server",
            "sh",
            "-c",
            "echo to-out; echo to-err >&2; mkdir /www; echo page > /www/index.html;"
                + " exec httpd -f -p 80 -h /www");
    beside = pod.start("beside", "sleep", "1000");
    Wait.until(SECONDS, "the web server", () -> page("127.0.0.1").equals("page\n"));
  }

  @AfterParameterizedClassInvocation
  static void removePod() {
    pod.close();
  }

  /** The pod is the whole class's: a test that failed takes it from no other. */
  @Override
  public void removeContainers() {}

  /** What the other container gets from an address. */
  private static String page(String address) {
    return pod.exec(beside, "timeout", "10", "wget", "-qO-", "http://" + address + "/").out();
  }

  @Test
  void thePodIsReady() {
    assertThat(pod.status().getState()).isEqualTo(Cri.PodSandboxState.SANDBOX_READY);
    assertThat(pod.address()).startsWith("10.89.77.");
  }

  /** {@code docs/security.md}: kubelet's group of the pod counts the VM. */
  @Test
  void theVmIsCountedWithItsPod() {
    if (!VM) {
      return;
    }
    List<Integer> vmms = engine().pidsOf("qemu-system");
    assertThat(vmms).isNotEmpty();
    for (int vmm : vmms) {
      assertThat(Shell.run("cat /proc/" + vmm + "/cgroup").out())
          .containsPattern("(memory|0:):/" + Places.MARK + "/casemate-[0-9a-f]+\n");
    }
  }

  @Test
  void containersShareTheNetwork() {
    assertThat(page("127.0.0.1")).isEqualTo("page\n");
    assertThat(page(pod.address())).isEqualTo("page\n");
  }

  @Test
  void containersShareTheHostnameAndSystemVObjects() {
    assertThat(pod.script(server, "hostname")).isEqualTo(pod.name() + "\n");
    assertThat(pod.script(beside, "hostname")).isEqualTo(pod.name() + "\n");
    assertThat(pod.script(server, "readlink /proc/self/ns/ipc"))
        .isEqualTo(pod.script(beside, "readlink /proc/self/ns/ipc"));
  }

  @Test
  void containersShareNeitherFilesNorProcesses() {
    assertThat(pod.exec(beside, "ls", "/www").exit()).isEqualTo(1);
    assertThat(pod.script(beside, "ps -o comm")).doesNotContain("httpd");
    assertThat(pod.script(beside, "cat /proc/1/comm")).isEqualTo("sleep\n");
  }

  @Test
  void theResolverIsThePods() {
    assertThat(pod.script(server, "cat /etc/resolv.conf"))
        .contains("nameserver 10.89.77.1")
        .contains("search svc.cluster.local")
        .contains("ndots:5");
  }

  @Test
  void theHostReachesThePodsAddress() {
    assertThat(pod.script(server, "ip -4 addr show eth0"))
        .contains("inet " + pod.address() + "/24");
    assertThat(engine().fetch("http://" + pod.address() + "/").ok().out()).isEqualTo("page\n");
  }

  @Test
  void theHostReachesThePodsSecondAddress() {
    String address = pod.status().getNetwork().getAdditionalIps(0).getIp();
    assertThat(address).startsWith("fd89:77::");
    assertThat(pod.script(server, "ip -6 addr show eth0")).contains(address + "/64");
    assertThat(pod.script(server, "ip -6 route show default")).contains("fd89:77::1");
    // CNI does not wait for its bridge's address; a connection before then comes from another one.
    Wait.until(
        SECONDS,
        "the bridge's address is settled",
        () -> !engine().inNetwork("ip", "-6", "addr", "show").ok().out().contains("tentative"));
    assertThat(engine().fetch("http://[" + address + "]/").ok().out()).isEqualTo("page\n");
  }

  @Test
  void theLogHasTheLinesOfBothStreams() {
    Wait.until(SECONDS, "both lines in the log", () -> pod.log("server").contains("to-err"));
    assertThat(pod.log("server")).contains(" stdout F to-out\n").contains(" stderr F to-err\n");
  }

  @Test
  void anExecHasItsStreamsAndItsStatus() {
    Pod.Exec exec = pod.exec(server, "sh", "-c", "echo o; echo e >&2; exit 3");
    assertThat(exec).isEqualTo(new Pod.Exec(3, "o\n", "e\n"));
    assertThatThrownBy(() -> pod.exec(server, "no-such-program"))
        .hasMessageContaining("no-such-program");
  }

  @Test
  void whenOneContainerStopsTheOthersGoOn() {
    String stopped = pod.start("stopped", "sleep", "1000");
    pod.stop(stopped, 0);
    pod.awaitExit(stopped, 137);
    pod.remove(stopped);
    assertThat(pod.script(server, "echo alive")).isEqualTo("alive\n");
  }

  @Test
  void anEndIsToldWithItsStatusAndReason() {
    String failing = pod.start("failing", "sh", "-c", "exit 5");
    pod.awaitExit(failing, 5);
    assertThat(pod.status(failing).getReason()).isEqualTo("Error");
    pod.remove(failing);
  }

  @Test
  @Order(Integer.MAX_VALUE)
  void aStoppedPodIsNotReadyAndItsContainersHaveExited() {
    pod.stop();
    assertThat(pod.status().getState()).isEqualTo(Cri.PodSandboxState.SANDBOX_NOTREADY);
    assertThat(pod.status(server).getState()).isEqualTo(Cri.ContainerState.CONTAINER_EXITED);
  }
}
