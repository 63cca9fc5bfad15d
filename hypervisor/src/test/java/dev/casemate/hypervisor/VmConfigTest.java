package dev.casemate.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import org.junit.jupiter.api.Test;

class VmConfigTest {
  private static VmConfig.Builder config() {
    return VmConfig.builder("vm", "/run/x").kernel("/k").initramfs("/i");
  }

  private static void refused(VmConfig.Builder builder, String part) {
    assertThatThrownBy(builder::build)
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining(part);
  }

  @Test
  void wrongValuesAreNamed() {
    refused(VmConfig.builder("a,b", "/run/x").kernel("/k"), "a,b");
    refused(VmConfig.builder("vm", "run").kernel("/k"), "run directory \"run\"");
    refused(config().kernel("k"), "guest kernel \"k\"");
    refused(config().memoryMib(4), "memory (MiB) \"4\"");
    refused(config().vcpus(0), "vCPUs \"0\"");
    refused(config().hotplugPorts(15), "\"15\"");
    refused(config().device(new Device.Disk("a,b", "/d", true)), "a,b");
    refused(config().device(new Device.Disk("a", "d", true)), "absolute");
    refused(config().device(new Device.Disk("a", "/d", true, "x,y")), "x,y");
    Device disk = new Device.Disk("a", "/d", true);
    refused(config().device(disk).device(disk), "no other device");
    try (Fd tap = EventFd.open()) {
      refused(config().device(new Device.Nic("n", tap, "02:00:00:00:00", 0)), "02:00:00:00:00");
      refused(config().device(new Device.Nic("n", tap, "02:00:00:00:00:01", 9)), "\"9\"");
      refused(config().device(new Device.VsockChannel("c", tap, 2, 1024)), "CID of c \"2\"");
      refused(config().device(new Device.VsockChannel("c", tap, 3, 0)), "port of c \"0\"");
      refused(
          config()
              .device(new Device.SerialChannel("a", "p"))
              .device(new Device.VsockChannel("c", tap, 3, 1024)),
          "agent channels \"2\"");
    }
    refused(config().device(new Device.FileShare("s", "a,b", "/s")), "a,b");
    refused(config().device(new Device.SerialChannel("c", "a b")), "a b");
    refused(config().kernelParameter("a\nb"), "a b");
  }

  @Test
  void aFileShareImpliesSharedMemory() {
    assertThat(config().build().sharedMemory()).isFalse();
    assertThat(config().device(new Device.FileShare("s", "t", "/s")).build().sharedMemory())
        .isTrue();
  }

  @Test
  void recordsSurviveTheWayThroughJson() {
    VmRecord record =
        new VmRecord(
            "qemu", "vm", 12, 345678901234L, "/run/x", new Json.Obj().put("socket", "/run/x/q"));
    String text = record.toJson().text();
    VmRecord read = VmRecord.fromJson(Json.parseObject(text));
    assertThat(read.toJson().text()).isEqualTo(text);
    assertThat(read.startTime()).isEqualTo(345678901234L);
    assertThat(read.driverState().string("socket")).isEqualTo("/run/x/q");
  }
}
