package dev.casemate.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.hypervisor.VmSnapshot;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A VM whose state is written to a file and goes on in another QEMU. */
@Tag("vm")
class SavedStateTest {
  private static final int MILLIS = 60_000;

  @TempDir Path directory;
  private final QemuDriver driver = new QemuDriver();
  private Path data;
  private Path state;

  @BeforeEach
  void files() throws IOException {
    data = directory.resolve("data.img");
    state = directory.resolve("state");
    Files.write(data, new byte[1 << 20]);
  }

  private VmConfig config(String name) {
    return VmConfig.builder(name, directory.resolve(name).toString())
        .jail(Optional.of(TestGuest.USER))
        .kernel(TestGuest.KERNEL)
        .initramfs(TestGuest.initramfs())
        .kernelParameter(TestGuest.modules("virtio_blk,virtio_mem"))
        .memoryMib(256)
        .maxMemoryMib(1024)
        .maxVcpus(3)
        .hotplugPorts(4)
        .device(new Device.SerialChannel("agent", "dev.casemate.agent"))
        .build();
  }

  private Device.Disk disk(String id) {
    return new Device.Disk(id, data.toString(), true, id);
  }

  private Fd create() {
    int flags = OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.TRUNCATE;
    return Fs.open(state.toString(), flags, 0600);
  }

  private Fd open() {
    return Fs.open(state.toString(), OpenFlag.READ_ONLY);
  }

  private VmSnapshot saved() throws Exception {
    try (VirtualMachine vm = driver.launch(config("first"), VmListener.NONE);
        Fd agent = vm.agentConnection(10_000)) {
      assertThat(TestGuest.ask(agent, "ping")).isEqualTo("pong");
      assertThat(TestGuest.ask(agent, "write /proc/sys/kernel/hostname remembered")).isEqualTo("0");
      vm.attach(disk("gone"));
      vm.attach(disk("kept"));
      vm.detach("gone", MILLIS);
      vm.plugVcpus(2);
      vm.resizeMemory(256, MILLIS);
      vm.pause();
      VmSnapshot snapshot;
      try (Fd to = create()) {
        snapshot = vm.save(to, MILLIS);
      }
      // The VM goes on as if nothing had been.
      vm.resume();
      assertThat(TestGuest.ask(agent, "ping")).isEqualTo("pong");
      return VmSnapshot.fromJson(Json.parseObject(snapshot.toJson().text()));
    }
  }

  @Test
  void goesOnElsewhereWithWhatWasPluggedIn() throws Exception {
    VmSnapshot snapshot = saved();
    assertThat(snapshot.disks()).containsExactly(new VmSnapshot.PluggedDisk("kept", 1));
    try (Fd from = open();
        VirtualMachine vm =
            driver.restore(
                config("second"),
                snapshot,
                List.of(disk("kept")),
                from,
                MILLIS,
                _ -> {},
                VmListener.NONE)) {
      vm.resume();
      try (Fd agent = vm.agentConnection(10_000)) {
        assertThat(TestGuest.ask(agent, "cat /proc/sys/kernel/hostname")).isEqualTo("remembered");
        assertThat(TestGuest.ask(agent, "ls /sys/block")).contains("vd");
        assertThat(vm.vcpus()).isEqualTo(2);
        assertThat(vm.address("kept").text()).isEqualTo("13");
        // Devices come and go as before.
        vm.detach("kept", MILLIS);
        assertThat(TestGuest.ask(agent, "ls /sys/block")).doesNotContain("vd");
        vm.attach(disk("new"));
        assertThat(vm.resizeMemory(512, MILLIS)).isEqualTo(512);
        vm.plugVcpus(3);
        assertThat(vm.vcpus()).isEqualTo(3);
      }
    }
  }

  @Test
  void aDamagedStateIsRefused() throws Exception {
    VmSnapshot snapshot = saved();
    byte[] bytes = Files.readAllBytes(state);
    Files.write(state, java.util.Arrays.copyOf(bytes, bytes.length / 2));
    refused(snapshot, List.of(disk("kept")), "restoring its state");
    bytes[0] ^= 1;
    Files.write(state, bytes);
    refused(snapshot, List.of(disk("kept")), "restoring its state");
    assertThat(directory.resolve("second")).isEmptyDirectory();
  }

  @Test
  void whatDoesNotFitIsRefused() throws Exception {
    VmSnapshot snapshot = saved();
    refused(snapshot, List.of(), "its disks do not match its saved state");
    refused(snapshot, List.of(disk("other")), "its disks do not match its saved state");
    VmSnapshot foreign = new VmSnapshot("qemu 1.0 kvm", snapshot.disks(), snapshot.processors());
    refused(foreign, List.of(disk("kept")), "its state was written by qemu 1.0 kvm");
    // Descriptions may come from anybody, and QEMU has devices that read files.
    for (String device :
        List.of(
            "{\"driver\":\"loader\",\"id\":\"x\",\"file\":\"/etc/shadow\"}",
            "{\"driver\":\"max-x86_64-cpu\",\"id\":\"x\",\"file\":\"/etc/shadow\"}",
            "{\"driver\":\"max-x86_64-cpu\",\"id\":\"a,b\",\"core-id\":0}",
            "{\"driver\":\"loader,x=-x86_64-cpu\",\"id\":\"x\"}")) {
      VmSnapshot hostile =
          new VmSnapshot(snapshot.driver(), snapshot.disks(), List.of(Json.parseObject(device)));
      refused(hostile, List.of(disk("kept")), "is not a processor of QEMU");
    }
  }

  private void refused(VmSnapshot snapshot, List<Device.Disk> disks, String words) {
    try (Fd from = open()) {
      assertThatThrownBy(
              () ->
                  driver.restore(
                      config("second"), snapshot, disks, from, MILLIS, _ -> {}, VmListener.NONE))
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining(words);
    }
  }

  @Test
  void aFullDiskIsToldAndTheVmGoesOn() throws Exception {
    try (VirtualMachine vm = driver.launch(config("first"), VmListener.NONE);
        Fd agent = vm.agentConnection(10_000);
        Fd full = Fs.open("/dev/full", OpenFlag.WRITE_ONLY)) {
      assertThat(TestGuest.ask(agent, "ping")).isEqualTo("pong");
      vm.pause();
      assertThatThrownBy(() -> vm.save(full, MILLIS))
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining("its state cannot be written")
          .hasMessageContaining("ENOSPC");
      vm.resume();
      assertThat(TestGuest.ask(agent, "ping")).isEqualTo("pong");
    }
  }
}
