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
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Devices of the start and devices that come and go, seen from inside a real guest. */
@Tag("vm")
class HotPlugTest {
  private static final String MODULES =
      TestGuest.modules("virtio_blk,failover,net_failover,virtio_net,fuse,virtiofs");

  private static final QemuDriver DRIVER = new QemuDriver();

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

  private static void await(Fd agent, String command, String part, boolean there) {
    Wait.until(
        10,
        () -> part + (there ? " in " : " to go from ") + TestGuest.ask(agent, command),
        () -> TestGuest.ask(agent, command).contains(part) == there);
  }

  @TempDir private static Path directory;
  private static final Deque<AutoCloseable> OPEN = new ArrayDeque<>();
  private static Fd lateTap;
  private static Virtiofsd lateDaemon;
  private static VirtualMachine vm;
  private static Fd agent;

  /** A VM with a disk, a card and a share, and two ports for more. */
  @BeforeAll
  static void startVm() throws Exception {
    Path image = Files.write(directory.resolve("disk, one.img"), new byte[1 << 20]);
    Path shared = Files.createDirectory(directory.resolve("shared"));
    Files.writeString(shared.resolve("hello"), "from the host\n");
    Fd tap = opened(tap("csmtst0"));
    lateTap = opened(tap("csmtst1"));
    Virtiofsd daemon = opened(daemon(shared, "fs1.sock"));
    lateDaemon = opened(daemon(shared, "fs2.sock"));
    vm =
        opened(
            DRIVER.launch(
                VmConfig.builder("hot", directory.resolve("run").toString())
                    .jail(Optional.of(TestGuest.USER))
                    .kernel(TestGuest.KERNEL)
                    .initramfs(TestGuest.initramfs())
                    .kernelParameter(MODULES)
                    .device(new Device.SerialChannel("agent", "dev.casemate.agent"))
                    .device(new Device.Disk("root", image.toString(), true, "cold"))
                    .device(new Device.Nic("eth0", tap, "02:00:00:00:00:01", 1400))
                    .device(new Device.FileShare("share", "cold", daemon.socketPath()))
                    .hotplugPorts(2)
                    .build(),
                VmListener.NONE));
    agent = opened(vm.agentConnection(10_000));
  }

  private static Virtiofsd daemon(Path shared, String socket) {
    return Virtiofsd.start(
        new Virtiofsd.Options(shared.toString(), directory.resolve(socket).toString()));
  }

  private static <T extends AutoCloseable> T opened(T resource) {
    OPEN.push(resource);
    return resource;
  }

  @AfterAll
  static void closeVm() throws Exception {
    while (!OPEN.isEmpty()) {
      OPEN.pop().close();
    }
  }

  private static String ask(String command) {
    return TestGuest.ask(agent, command);
  }

  /** A disk that could be attached. */
  private static Device.Disk disk(String id) throws IOException {
    Path data = Files.write(directory.resolve(id + ".img"), new byte[2 << 20]);
    return new Device.Disk(id, data.toString(), false, "hot");
  }

  @Test
  void theDiskOfTheStartIsThere() {
    assertThat(ask("cat /sys/block/vda/serial")).isEqualTo("cold");
    assertThat(ask("cat /sys/block/vda/ro")).isEqualTo("1");
    assertThat(vm.address("root").text()).isEqualTo("03");
    assertThat(ask("ls /sys/bus/pci/devices/0000:00:03.0/virtio1/block")).contains("vda");
  }

  @Test
  void theCardOfTheStartIsThere() {
    assertThat(ask("ls /sys/class/net")).contains("eth0");
    assertThat(ask("cat /sys/class/net/eth0/address")).isEqualTo("02:00:00:00:00:01");
    assertThat(ask("cat /sys/class/net/eth0/mtu")).isEqualTo("1400");
  }

  @Test
  void theShareOfTheStartIsThere() {
    assertThat(ask("mount cold /cold")).isEqualTo("0");
    assertThat(ask("cat /cold/hello")).isEqualTo("from the host");
  }

  @Test
  void aDiskComesAndGoes() throws Exception {
    assertThat(vm.attach(disk("data")).text()).isEqualTo("12");
    await(agent, "ls /sys/block", "vdb", true);
    assertThat(ask("cat /sys/block/vdb/serial")).isEqualTo("hot");
    assertThat(ask("ls /sys/bus/pci/devices/0000:00:12.0")).contains("virtio");
    vm.detach("data", 10_000);
    await(agent, "ls /sys/block", "vdb", false);
  }

  @Test
  void aCardComesAndGoesAndAThirdDeviceHasNoPort() throws Exception {
    vm.attach(disk("first"));
    await(agent, "ls /sys/block", "vdb", true);
    assertThat(vm.attach(new Device.Nic("eth1", lateTap, "02:00:00:00:00:02", 0)).text())
        .isEqualTo("13");
    await(agent, "ls /sys/class/net", "eth1", true);
    assertThatThrownBy(() -> vm.attach(disk("more")))
        .hasMessageContaining("2 hot-plug ports and all are taken");
    vm.detach("first", 10_000);
    await(agent, "ls /sys/block", "vdb", false);
    vm.detach("eth1", 10_000);
    await(agent, "ls /sys/class/net", "eth1", false);
  }

  @Test
  void aShareComesAndGoes() {
    assertThat(vm.attach(new Device.FileShare("late", "hot", lateDaemon.socketPath())).text())
        .isEqualTo("12");
    await(agent, "mount hot /hot", "0", true);
    assertThat(ask("cat /hot/hello")).isEqualTo("from the host");
    assertThat(ask("umount /hot")).isEqualTo("0");
    vm.detach("late", 10_000);
  }

  @Test
  void onlyWhatCameCanGo() {
    assertThatThrownBy(() -> vm.detach("root", 1000)).hasMessageContaining("root");
    assertThatThrownBy(() -> vm.detach("nothing", 1000)).hasMessageContaining("nothing");
  }

  @Test
  void whatCannotBeAttachedTakesNoPlace() {
    assertThatThrownBy(() -> vm.attach(new Device.Disk("gone", "/no/such/image", true)))
        .hasMessageContaining("/no/such/image");
    assertThatThrownBy(() -> vm.attach(new Device.SerialChannel("more", "p")))
        .hasMessageContaining("more");
    assertThatThrownBy(() -> vm.address("gone")).hasMessageContaining("no device");
    assertThatThrownBy(() -> vm.address("more")).hasMessageContaining("no device");
    assertThat(ask("ping")).isEqualTo("pong");
  }

  @Test
  void memoryAndProcessorsGrow() throws Exception {
    try (VirtualMachine growing =
            DRIVER.launch(
                VmConfig.builder("grow", directory.resolve("grow").toString())
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
        Fd channel = growing.agentConnection(10_000)) {
      long before = memoryKib(channel);
      assertThat(growing.vcpus()).isEqualTo(1);
      assertThat(growing.resizeMemory(256, 30_000)).isEqualTo(256);
      Wait.until(
          20,
          () -> "200 MiB more: " + memoryKib(channel),
          () -> memoryKib(channel) > before + 200 * 1024);
      assertThat(growing.resizeMemory(128, 30_000)).isEqualTo(128);
      assertThatThrownBy(() -> growing.resizeMemory(2048, 1000))
          .hasMessageContaining("QEMU refused");

      growing.plugVcpus(2);
      assertThat(growing.vcpus()).isEqualTo(2);
      await(channel, "ls /sys/devices/system/cpu", "cpu1", true);
      assertThat(TestGuest.ask(channel, "write /sys/devices/system/cpu/cpu1/online 1"))
          .isEqualTo("0");
      growing.plugVcpus(3);
      growing.plugVcpus(1);
      await(channel, "ls /sys/devices/system/cpu", "cpu2", true);
      assertThat(growing.vcpus()).isEqualTo(3);
      assertThatThrownBy(() -> growing.plugVcpus(4)).hasMessageContaining("up to 3 vCPUs");

      // The thirteenth of the slots for what comes later.
      Path data = directory.resolve("data.img");
      Files.write(data, new byte[1 << 20]);
      for (int i = 0; i < 13; i++) {
        growing.attach(new Device.Disk("d" + i, data.toString(), true, "s" + i));
      }
      assertThat(growing.address("d12").text()).isEqualTo("1e");
      await(channel, "ls /sys/devices/pci0000:00/0000:00:1e.0", "virtio", true);
      growing.detach("d12", 30_000);
    }
  }

  private static long memoryKib(Fd agent) {
    String line = TestGuest.ask(agent, "cat /proc/meminfo");
    return Long.parseLong(line.replaceAll("[^0-9]", ""));
  }
}
