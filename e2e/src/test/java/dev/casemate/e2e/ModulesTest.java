package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Result;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Kernel modules that a container needs come when it needs them, and not before. */
class ModulesTest extends EndToEnd {
  private static String tools = "";

  @BeforeAll
  static void start() {
    Path host = files("modules");
    tools = Probe.in(host.resolve("bin")) + ":/tools:ro";
    detached("modules", "--privileged", "-v", tools, IMAGE, "sleep", "1000000");
  }

  @AfterAll
  static void stop() {
    remove("modules");
  }

  private static String inside(String script) {
    Result result = script("modules", script);
    return result.err() + result.out();
  }

  @Test
  void netfilterOldAndNew() {
    assertThat(inside("/tools/probe netfilter"))
        .isEqualTo("netlink ok\nsend ok\nanswer ok\ntables ok\nlegacy ok\n");
  }

  @Test
  void bridgesAndVirtualLinks() {
    assertThat(
            inside(
                "ip link add b0 type bridge && ip link add v0 type veth peer name v1"
                    + " && ip link add d0 type dummy && ip link set v0 master b0 && ls /sys/class/net"))
        .contains("b0", "v0", "v1", "d0");
  }

  @Test
  void tunnels() {
    assertThat(
            inside(
                "test -e /dev/net/tun || { mkdir -p /dev/net; mknod /dev/net/tun c 10 200; };"
                    + " /tools/probe tunnel /dev/net/tun"))
        .isEqualTo("open ok\ntunnel ok\n");
  }

  @Test
  void fileSystems() {
    assertThat(
            inside("mount -t squashfs none /mnt 2> /dev/null; grep -c squashfs /proc/filesystems"))
        .isEqualTo("1\n");
  }

  @Test
  void whatDoesNotExistIsSaidAtOnce() {
    assertThat(inside("mount -t nosuchfs none /mnt || echo refused")).endsWith("refused\n");
  }

  @Test
  void aContainerThatNeedsNoneHasNone() {
    assertThat(ok("run", "--rm", IMAGE, "cat", "/proc/modules").out())
        .doesNotContain("nf_tables", "ip_tables", "bridge", "veth", "tun ");
  }
}
