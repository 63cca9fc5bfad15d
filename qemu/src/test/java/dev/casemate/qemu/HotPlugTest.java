package dev.casemate.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.Virtiofsd;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.SystemCall;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Devices of the start and devices that come and go, seen from inside a real guest. */
@Tag("vm")
class HotPlugTest {
  private static final String MODULES =
      TestGuest.modules("virtio_blk,failover,net_failover,virtio_net,fuse,virtiofs");

  @TempDir Path directory;
  private final QemuDriver driver = new QemuDriver();

  private static final int TUNSETIFF = 0x400454ca;

  /** A TAP device that lives as long as its descriptor. */
  private static Fd tap(String name) {
    Fd fd = Fs.open("/dev/net/tun", OpenFlag.READ_WRITE);
    try (NativeBuffer request = NativeBuffer.allocate(40)) {
      byte[] bytes = name.getBytes();
      request.put(0, bytes, 0, bytes.length).putShort(16, 0x5002); // IFF_TAP|NO_PI|VNET_HDR
      SystemCall.check(
          SystemCall.raw(SystemCall.IOCTL, fd.number(), TUNSETIFF, request.address()),
          "TUNSETIFF",
          name);
    }
    return fd;
  }

  private static void await(Fd agent, String command, String part, boolean there) throws Exception {
    String answer = "";
    for (int i = 0; i < 200; i++) {
      answer = TestGuest.ask(agent, command);
      if (answer.contains(part) == there) {
        return;
      }
      Thread.sleep(20);
    }
    assertThat(answer).contains(part);
  }

  @Test
  void disksNicsAndSharesComeAndGo() throws Exception {
    Path image = directory.resolve("disk, one.img");
    Files.write(image, new byte[1 << 20]);
    Path shared = Files.createDirectory(directory.resolve("shared"));
    Files.writeString(shared.resolve("hello"), "from the host\n");
    Virtiofsd.Options first =
        new Virtiofsd.Options(shared.toString(), directory.resolve("fs1.sock").toString());
    Virtiofsd.Options later =
        new Virtiofsd.Options(shared.toString(), directory.resolve("fs2.sock").toString());
    try (Fd tap0 = tap("csmtst0");
        Fd tap1 = tap("csmtst1");
        Virtiofsd daemon = Virtiofsd.start(first);
        Virtiofsd second = Virtiofsd.start(later);
        VirtualMachine vm =
            driver.launch(
                VmConfig.builder("hot", directory.resolve("run").toString())
                    .jail(Optional.of(TestGuest.USER))
                    .kernel(TestGuest.KERNEL)
                    .initramfs(TestGuest.initramfs())
                    .kernelParameter(MODULES)
                    .device(new Device.SerialChannel("agent", "dev.casemate.agent"))
                    .device(new Device.Disk("root", image.toString(), true, "cold"))
                    .device(new Device.Nic("eth0", tap0, "02:00:00:00:00:01", 1400))
                    .device(new Device.FileShare("share", "cold", daemon.socketPath()))
                    .hotplugPorts(2)
                    .build(),
                VmListener.NONE);
        Fd agent = vm.agentConnection()) {
      assertThat(TestGuest.ask(agent, "cat /sys/block/vda/serial")).isEqualTo("cold");
      assertThat(TestGuest.ask(agent, "cat /sys/block/vda/ro")).isEqualTo("1");
      assertThat(vm.address("root").text()).isEqualTo("02");
      assertThat(TestGuest.ask(agent, "ls /sys/bus/pci/devices/0000:00:02.0/virtio1/block"))
          .contains("vda");
      assertThat(TestGuest.ask(agent, "ls /sys/class/net")).contains("eth0");
      assertThat(TestGuest.ask(agent, "cat /sys/class/net/eth0/address"))
          .isEqualTo("02:00:00:00:00:01");
      assertThat(TestGuest.ask(agent, "cat /sys/class/net/eth0/mtu")).isEqualTo("1400");
      assertThat(TestGuest.ask(agent, "mount cold /cold")).isEqualTo("0");
      assertThat(TestGuest.ask(agent, "cat /cold/hello")).isEqualTo("from the host");

      Path data = directory.resolve("data.img");
      Files.write(data, new byte[2 << 20]);
      String path = vm.attach(new Device.Disk("data", data.toString(), false, "hot")).text();
      assertThat(path).isEqualTo("10/00");
      await(agent, "ls /sys/block", "vdb", true);
      assertThat(TestGuest.ask(agent, "cat /sys/block/vdb/serial")).isEqualTo("hot");
      assertThat(TestGuest.ask(agent, "ls /sys/bus/pci/devices/0000:00:10.0")).contains(":00.0");

      assertThat(vm.attach(new Device.Nic("eth1", tap1, "02:00:00:00:00:02", 0)).text())
          .isEqualTo("11/00");
      await(agent, "ls /sys/class/net", "eth1", true);

      assertThatThrownBy(() -> vm.attach(new Device.Disk("more", data.toString(), true)))
          .hasMessageContaining("2 hot-plug ports and all are taken");
      assertThatThrownBy(() -> vm.detach("root", 1000)).hasMessageContaining("root");
      assertThatThrownBy(() -> vm.detach("nothing", 1000)).hasMessageContaining("nothing");

      vm.detach("data", 10_000);
      await(agent, "ls /sys/block", "vdb", false);
      vm.detach("eth1", 10_000);
      await(agent, "ls /sys/class/net", "eth1", false);

      assertThat(vm.attach(new Device.FileShare("late", "hot", second.socketPath())).text())
          .isEqualTo("10/00");
      await(agent, "mount hot /hot", "0", true);
      assertThat(TestGuest.ask(agent, "cat /hot/hello")).isEqualTo("from the host");
      assertThat(TestGuest.ask(agent, "umount /hot")).isEqualTo("0");
      vm.detach("late", 10_000);

      assertThatThrownBy(() -> vm.attach(new Device.Disk("gone", "/no/such/image", true)))
          .hasMessageContaining("/no/such/image");
      assertThatThrownBy(() -> vm.attach(new Device.SerialChannel("more", "p")))
          .hasMessageContaining("more");
      // What could not be attached took no place.
      assertThatThrownBy(() -> vm.address("gone")).hasMessageContaining("no device");
      assertThatThrownBy(() -> vm.address("more")).hasMessageContaining("no device");
      assertThat(TestGuest.ask(agent, "ping")).isEqualTo("pong");
    }
  }

  @Test
  void memoryAndProcessorsGrow() throws Exception {
    try (VirtualMachine vm =
            driver.launch(
                VmConfig.builder("grow", directory.resolve("run").toString())
                    .jail(Optional.of(TestGuest.USER))
                    .kernel(TestGuest.KERNEL)
                    .initramfs(TestGuest.initramfs())
                    .kernelParameter(TestGuest.modules("virtio_mem"))
                    .device(new Device.SerialChannel("agent", "dev.casemate.agent"))
                    .maxMemoryMib(1024)
                    .maxVcpus(3)
                    // Memory that other processes map is grown the same way.
                    .sharedMemory(true)
                    .hotplugPorts(14)
                    .build(),
                VmListener.NONE);
        Fd agent = vm.agentConnection()) {
      long before = memoryKib(agent);
      assertThat(vm.vcpus()).isEqualTo(1);
      assertThat(vm.resizeMemory(256, 30_000)).isEqualTo(256);
      for (int i = 0; i < 500 && memoryKib(agent) < before + 200 * 1024; i++) {
        Thread.sleep(20);
      }
      assertThat(memoryKib(agent)).isGreaterThan(before + 200 * 1024);
      assertThat(vm.resizeMemory(128, 30_000)).isEqualTo(128);
      assertThatThrownBy(() -> vm.resizeMemory(2048, 1000)).hasMessageContaining("QEMU refused");

      vm.plugVcpus(2);
      assertThat(vm.vcpus()).isEqualTo(2);
      await(agent, "ls /sys/devices/system/cpu", "cpu1", true);
      assertThat(TestGuest.ask(agent, "write /sys/devices/system/cpu/cpu1/online 1"))
          .isEqualTo("0");
      vm.plugVcpus(3);
      vm.plugVcpus(1);
      await(agent, "ls /sys/devices/system/cpu", "cpu2", true);
      assertThat(vm.vcpus()).isEqualTo(3);
      assertThatThrownBy(() -> vm.plugVcpus(4)).hasMessageContaining("up to 3 vCPUs");

      // The thirteenth port is the second function of the first one's slot.
      Path data = directory.resolve("data.img");
      Files.write(data, new byte[1 << 20]);
      for (int i = 0; i < 13; i++) {
        vm.attach(new Device.Disk("d" + i, data.toString(), true, "s" + i));
      }
      assertThat(vm.address("d12").text()).isEqualTo("10.1/00");
      await(agent, "ls /sys/devices/pci0000:00/0000:00:10.1", "0000:", true);
      vm.detach("d12", 30_000);
    }
  }

  private static long memoryKib(Fd agent) {
    String line = TestGuest.ask(agent, "cat /proc/meminfo");
    return Long.parseLong(line.replaceAll("[^0-9]", ""));
  }
}
