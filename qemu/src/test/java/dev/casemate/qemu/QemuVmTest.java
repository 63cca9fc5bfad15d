package dev.casemate.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.KernelImage;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmEvent;
import dev.casemate.hypervisor.VmEvent.ShutdownReason;
import dev.casemate.hypervisor.VmExit;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.hypervisor.VmRecord;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Processes;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The life of a VM from launch to end, on a real QEMU. */
@Tag("vm")
class QemuVmTest {
  private static final int BOOT_MILLIS = 30_000;

  @TempDir Path directory;
  private final QemuDriver driver = new QemuDriver();
  private final List<VmEvent> events = new CopyOnWriteArrayList<>();

  private VmConfig.Builder config() {
    return VmConfig.builder("test-vm", directory.resolve("run").toString())
        .jail(Optional.of(TestGuest.USER))
        .kernel(TestGuest.KERNEL)
        .initramfs(TestGuest.initramfs())
        .kernelParameter(TestGuest.modules(""));
  }

  private VirtualMachine launch(VmConfig.Builder builder) {
    return driver.launch(builder.build(), events::add);
  }

  /** Nothing may be left whatever the test did. */
  @AfterEach
  void leavesNothing() throws IOException {
    Path run = directory.resolve("run");
    if (Files.exists(run)) {
      try (var files = Files.list(run)) {
        assertThat(files).isEmpty();
      }
    }
    for (String name : Fs.list("/proc")) {
      if (Character.isDigit(name.charAt(0))) {
        try {
          assertThat(Files.readString(Path.of("/proc", name, "cmdline")))
              .doesNotContain(directory.toString());
        } catch (IOException e) {
          // Gone meanwhile.
        }
      }
    }
  }

  @Test
  void bootsAnswersPausesAndEnds() throws Exception {
    try (VirtualMachine vm =
            launch(config().device(new Device.SerialChannel("agent", "dev.casemate.agent")));
        Fd agent = vm.agentConnection(10_000)) {
      assertThat(Fs.stat(directory.resolve("run").toString()).permissions()).isEqualTo(0700);
      assertThat(vm.address("agent").text()).isEqualTo("02");
      // Written before the guest has its port: it waits there.
      assertThat(TestGuest.ask(agent, "ping")).isEqualTo("pong");
      assertThat(TestGuest.ask(agent, "ls /sys/bus/pci/devices/0000:00:02.0")).contains("virtio");
      assertThat(new String(vm.console())).contains("TEST-UP");
      vm.pause();
      vm.resume();
      assertThat(TestGuest.ask(agent, "ping")).isEqualTo("pong");
      assertThat(vm.exit()).isEmpty();
      agent.writeAll("reboot\n".getBytes());
      VmExit exit = vm.awaitExit(BOOT_MILLIS).orElseThrow();
      assertThat(exit.reason()).isEqualTo(ShutdownReason.GUEST_RESET);
      assertThat(exit.exitStatus()).contains(0);
      assertThatThrownBy(vm::pause).isInstanceOf(CasemateException.class);
    }
    assertThat(events)
        .contains(new VmEvent.Stopped(), new VmEvent.Resumed())
        .contains(new VmEvent.Shutdown(ShutdownReason.GUEST_RESET));
  }

  @Test
  void quitsOnDemandAndIsKilledWithoutGrace() {
    VirtualMachine vm = launch(config());
    assertThat(vm.shutdown(5000).reason()).isEqualTo(ShutdownReason.HOST_QUIT);
    vm.close();
    vm.close();
    VirtualMachine second = launch(config());
    assertThat(second.shutdown(0).exitStatus()).contains(137);
    second.close();
    assertThat(Processes.startTime(vm.pid())).isEmpty();
  }

  @Test
  void aPanicIsTold() {
    try (VirtualMachine vm = launch(config().kernelParameter("test.die"))) {
      VmExit exit = vm.awaitExit(BOOT_MILLIS).orElseThrow();
      assertThat(exit.panic()).isNotEmpty();
      assertThat(vm.failure("waiting for the agent").getMessage())
          .isEqualTo(
              "VM test-vm failed while waiting for the agent: the guest kernel panicked: Kernel"
                  + " panic - not syncing: Attempted to kill init! exitcode=0x00000100");
    }
  }

  @Test
  void tooLittleMemoryIsSaidBeforeTheStart() {
    assertThatThrownBy(() -> launch(config().memoryMib(16)))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("memory of 16 MiB is too little")
        .hasMessageContaining("give it at least");
  }

  @Test
  void aKernelThatRunsOutOfMemoryEndsWithAReason() {
    long least = KernelImage.leastMemoryMib(TestGuest.KERNEL, TestGuest.initramfs());
    try (VirtualMachine vm = launch(config().memoryMib((int) least))) {
      // Either it just fits, or the kernel says what is wrong: never silence.
      long deadline = System.nanoTime() + BOOT_MILLIS * 1_000_000L;
      while (System.nanoTime() < deadline
          && vm.awaitExit(50).isEmpty()
          && !new String(vm.console()).contains("TEST-UP")) {}
      assertThat(vm.panic() + new String(vm.console())).containsAnyOf("panic", "TEST-UP");
    }
  }

  @Test
  void aCorruptKernelIsNamed() throws IOException {
    Path kernel = directory.resolve("kernel");
    Files.write(kernel, new byte[100_000]);
    try (VirtualMachine vm = launch(config().kernel(kernel.toString()))) {
      VmExit exit = vm.awaitExit(BOOT_MILLIS).orElseThrow();
      assertThat(exit.exitStatus()).contains(1);
      assertThat(exit.describe()).contains("kernel");
    }
  }

  @Test
  void missingFilesAreNamedBeforeAnythingStarts() {
    assertThatThrownBy(() -> launch(config().kernel("/no/kernel")))
        .hasMessageContaining("guest kernel \"/no/kernel\" does not exist");
    assertThatThrownBy(() -> launch(config().initramfs("/no/initramfs")))
        .hasMessageContaining("/no/initramfs");
    assertThatThrownBy(() -> launch(config().device(new Device.Disk("d", "/no/disk", true))))
        .hasMessageContaining("/no/disk");
    assertThatThrownBy(() -> launch(config().networkNamespace("/no/netns")))
        .hasMessageContaining("/no/netns");
    assertThatThrownBy(() -> new QemuDriver("/no/qemu").launch(config().build(), VmListener.NONE))
        .hasMessageContaining("/no/qemu");
  }

  @Test
  void aFloodingGuestTakesSixtyFourKibibytes() throws Exception {
    try (VirtualMachine vm = launch(config().kernelParameter("test.flood"))) {
      Wait.until(BOOT_MILLIS / 1000, "a full console", () -> vm.console().length >= 64 * 1024);
      Wait.millis(300);
      assertThat(vm.console()).hasSize(64 * 1024);
      // The control socket is served all the same.
      vm.pause();
      assertThat(vm.shutdown(2000).reason()).isEqualTo(ShutdownReason.HOST_QUIT);
    }
  }

  @Test
  void anotherProcessCleansUp() throws Exception {
    VirtualMachine vm =
        launch(config().device(new Device.SerialChannel("agent", "dev.casemate.agent")));
    VmRecord record = VmRecord.fromJson(Json.parseObject(vm.record().toJson().text()));
    assertThat(record.driver()).isEqualTo(driver.name());
    assertThat(Processes.startTime(record.pid())).contains(record.startTime());
    driver.cleanUp(record);
    assertThat(vm.awaitExit(5000).orElseThrow().exitStatus()).contains(137);
    try (var left = Files.list(directory.resolve("run"))) {
      assertThat(left.filter(path -> path.toString().endsWith(".sock"))).isEmpty();
    }
    driver.cleanUp(record);
    vm.close();
  }

  @Test
  void aReusedPidIsNotKilled() {
    VirtualMachine vm = launch(config());
    VmRecord r = vm.record();
    VmRecord other =
        new VmRecord(
            r.driver(), r.vmId(), r.pid(), r.startTime() + 1, r.runDirectory(), new Json.Obj());
    driver.cleanUp(other);
    assertThat(vm.awaitExit(200)).isEmpty();
    driver.cleanUp(r);
    assertThat(vm.awaitExit(5000).orElseThrow().exitStatus()).contains(137);
    vm.close();
  }
}
