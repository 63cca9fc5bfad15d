package dev.casemate.qemu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmExit;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.hypervisor.VmTemplate;
import dev.casemate.jail.JailUser;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.testsupport.Wait;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** VMs that start as copies of a saved one. */
@Tag("vm")
@Timeout(180)
class TemplateCopyTest {
  private static final int MILLIS = 60_000;
  private static final int MEMORY_MIB = 192;

  @TempDir Path directory;
  private final QemuDriver driver = new QemuDriver();
  private VmTemplate template;

  @BeforeEach
  void save() {
    template = new VmTemplate(directory + "/memory", directory + "/state");
    VmConfig.Builder config = config("original", Optional.of(TestGuest.USER)).becomesTemplate(true);
    try (VirtualMachine vm = driver.launch(config.build(), VmListener.NONE);
        Fd memory = create(template.memory());
        Fd state = create(template.state())) {
      try (Fd agent = vm.agentConnection(10_000)) {
        assertThat(TestGuest.ask(agent, "write /proc/sys/kernel/hostname remembered"))
            .isEqualTo("0");
      }
      vm.pause();
      vm.saveTemplate(memory, state, MILLIS);
    }
  }

  private static Fd create(String path) {
    return Fs.open(path, OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE, 0600);
  }

  private VmConfig.Builder config(String name, Optional<JailUser> jail) {
    return VmConfig.builder(name, directory.resolve(name).toString())
        .jail(jail)
        .kernel(TestGuest.KERNEL)
        .initramfs(TestGuest.initramfs())
        .kernelParameter(TestGuest.modules("virtio_blk,virtio_mem"))
        .memoryMib(MEMORY_MIB)
        .maxMemoryMib(1024)
        .maxVcpus(2)
        .hotplugPorts(4)
        .device(new Device.SerialChannel("agent", "dev.casemate.agent"));
  }

  private VirtualMachine copy(String name, Optional<JailUser> jail) throws Exception {
    Path data = Files.write(directory.resolve(name + ".img"), new byte[1 << 20]);
    VmConfig.Builder config =
        config(name, jail).device(new Device.Disk("data", data.toString(), false, "data"));
    return driver.copy(config.build(), template, VmListener.NONE);
  }

  @Test
  void copiesGoOnSideBySideWithDevicesOfTheirOwn() throws Exception {
    assertThat(Files.size(Path.of(template.memory()))).isEqualTo((long) MEMORY_MIB << 20);
    assertThat(Fs.stat(template.memory()).blocks() * 512)
        .as("bytes without pages of zeros")
        .isLessThan((long) MEMORY_MIB << 19);
    List<String> before = List.of(sum(template.memory()), sum(template.state()));
    try (VirtualMachine one = copy("one", Optional.of(TestGuest.USER));
        VirtualMachine two = copy("two", Optional.empty());
        Fd first = one.agentConnection(10_000);
        Fd second = two.agentConnection(10_000)) {
      assertThat(TestGuest.ask(first, "cat /proc/sys/kernel/hostname")).isEqualTo("remembered");
      assertThat(TestGuest.ask(first, "write /proc/sys/kernel/hostname changed")).isEqualTo("0");
      assertThat(TestGuest.ask(second, "cat /proc/sys/kernel/hostname")).isEqualTo("remembered");
      for (Fd agent : List.of(first, second)) {
        assertThat(TestGuest.ask(agent, "ls /sys/block")).doesNotContain("vd");
        assertThat(TestGuest.ask(agent, "write /sys/bus/pci/rescan 1")).isEqualTo("0");
        assertThat(TestGuest.ask(agent, "ls /sys/block")).contains("vda");
      }
      for (VirtualMachine vm : List.of(one, two)) {
        assertThat(vm.resizeMemory(256, MILLIS)).isEqualTo(256);
        vm.attach(new Device.Disk("more", directory + "/one.img", true, "more"));
        vm.plugVcpus(2);
      }
      Wait.until(
          30,
          () -> "the second disk of " + one.vmId(),
          () -> TestGuest.ask(first, "ls /sys/block").contains("vdb"));
      one.detach("more", MILLIS);
      assertThat(TestGuest.ask(first, "ls /sys/block")).contains("vda").doesNotContain("vdb");
    }
    assertThat(List.of(sum(template.memory()), sum(template.state()))).isEqualTo(before);
    try (Stream<Path> left = Files.list(directory.resolve("two"))) {
      assertThat(left).as("what a copy leaves").isEmpty();
    }
  }

  private static String sum(String path) throws Exception {
    return "" + Arrays.hashCode(Files.readAllBytes(Path.of(path)));
  }

  @Test
  void aTemplateThatWasCutOffEndsTheCopy() throws Exception {
    byte[] state = Files.readAllBytes(Path.of(template.state()));
    Files.write(Path.of(template.state()), Arrays.copyOf(state, state.length / 2));
    try (VirtualMachine vm = copy("broken", Optional.of(TestGuest.USER))) {
      VmExit exit = vm.awaitExit(MILLIS).orElseThrow();
      assertThat(exit.describe()).contains("load of migration failed");
    }
  }
}
