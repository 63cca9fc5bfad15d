package dev.casemate.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.Json;
import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmRecord;
import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.UnixSocket;
import dev.casemate.linux.VsockSocket;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CommandLineTest {
  private static final Accelerator TCG = new Accelerator(Accelerator.Kind.TCG, "");
  private static final Accelerator KVM = new Accelerator(Accelerator.Kind.KVM, "");
  private final Fd fd = EventFd.open();

  @AfterEach
  void close() {
    fd.close();
  }

  private CommandLine line(VmConfig.Builder builder, Accelerator accelerator) {
    return line(builder, accelerator, false);
  }

  private CommandLine line(VmConfig.Builder builder, Accelerator accelerator, boolean copy) {
    VmConfig config = builder.kernel("/k").initramfs("/i").build();
    Optional<MemoryFiles> memory = MemoryFiles.of(config, accelerator, copy);
    memory.ifPresent(MemoryFiles::close);
    return CommandLine.of(
        "/usr/bin/qemu",
        "/fw/qboot.rom",
        config,
        accelerator,
        List.of("quiet", "x=1"),
        new CommandLine.Sockets(fd, Optional.of(fd), Optional.of(fd)),
        memory,
        Optional.empty());
  }

  private static String after(List<String> arguments, String option) {
    return arguments.get(arguments.indexOf(option) + 1);
  }

  @Test
  void aSmallVm() {
    List<String> a = line(VmConfig.builder("vm", "/run/x"), TCG).arguments();
    assertThat(a).contains("-nodefaults", "-no-user-config", "-no-reboot", "-sandbox");
    assertThat(after(a, "-machine")).startsWith("q35,").doesNotContain("memory-backend");
    assertThat(after(a, "-accel")).startsWith("tcg");
    assertThat(after(a, "-cpu")).isEqualTo("max,-erms");
    assertThat(after(a, "-m")).isEqualTo("256M");
    assertThat(after(a, "-smp")).isEqualTo("1");
    assertThat(after(a, "-bios")).isEqualTo("/fw/qboot.rom");
    assertThat(after(a, "-append")).isEqualTo("quiet x=1");
    assertThat(after(a, "-chardev")).isEqualTo("socket,id=control,server=on,wait=off,fd=3");
    assertThat(a).doesNotContain("-object").containsOnlyOnce("-device");
  }

  @Test
  void everyVmReportsFreePagesInASlotOfItsOwn(@TempDir Path directory) throws IOException {
    Path disk = Files.createFile(directory.resolve("disk"));
    String device = "virtio-balloon-pci,disable-legacy=on,free-page-reporting=on,id=reporting";
    assertThat(line(VmConfig.builder("vm", "/run/x"), TCG).arguments())
        .contains(device + ",x-disable-pcie=on,bus=pcie.0,addr=0x10");
    VmConfig.Builder full = VmConfig.builder("vm", "/run/x").hotplugPorts(14);
    for (int i = 0; i < VmConfig.MAX_DEVICES - 1; i++) {
      full.device(new Device.Disk("d" + i, disk.toString(), true, ""));
    }
    List<String> a = line(full, KVM).arguments();
    assertThat(a).contains(device + ",bus=pci.0,addr=0x10");
    assertThat(a.stream().filter(word -> word.contains("addr=0x10"))).hasSize(1);
  }

  @Test
  void theChipsetIsOneThatTakesDevicesOnlyWhereSomeCanCome() {
    assertThat(after(line(VmConfig.builder("vm", "/run/x"), TCG).arguments(), "-machine"))
        .startsWith("q35,");
    VmConfig.Builder growing = VmConfig.builder("vm", "/run/x").hotplugPorts(1).maxMemoryMib(512);
    List<String> a = line(growing, TCG).arguments();
    assertThat(after(a, "-machine")).startsWith("pc,");
    assertThat(after(a, "-device")).contains("bus=pci.0,addr=0x11");
  }

  @Test
  void kvmUsesTheHostsProcessor() {
    List<String> a = line(VmConfig.builder("vm", "/run/x"), KVM).arguments();
    assertThat(after(a, "-accel")).isEqualTo("kvm");
    assertThat(after(a, "-cpu")).isEqualTo("host");
    assertThat(after(a, "-machine")).contains("hpet=off", "i8042=off");
    assertThat(after(line(VmConfig.builder("vm", "/run/x"), TCG).arguments(), "-machine"))
        .doesNotContain("hpet", "i8042");
  }

  @Test
  void sharedMemoryIsOfLargePagesUnderKvmInAJail() {
    VmConfig.Builder config =
        VmConfig.builder("vm", "/run/x").sharedMemory(true).maxMemoryMib(1024).memoryMib(512);
    String large = "memory-backend-file,mem-path=/memory/";
    assertThat(line(config, KVM).arguments()).noneMatch(argument -> argument.startsWith(large));
    config.jail(Optional.of(TestGuest.USER));
    assertThat(line(config, KVM).arguments())
        .contains(
            large + "memory,align=2M,share=on,id=memory,size=512M",
            large + "growth-memory,align=2M,share=on,id=growth-memory,reserve=off,size=512M");
    assertThat(line(config, TCG).arguments())
        .contains("memory-backend-memfd,share=on,id=memory,size=512M");
  }

  @Test
  void memoryOfATemplateIsAFile() {
    VmConfig.Builder config =
        VmConfig.builder("vm", "/run/x").maxMemoryMib(1024).jail(Optional.of(TestGuest.USER));
    List<String> copy = line(config, TCG, true).arguments();
    assertThat(copy)
        .contains(
            "memory-backend-file,mem-path=/memory/memory,share=on,id=memory,size=256M",
            "memory-backend-ram,id=growth-memory,reserve=off,size=768M");
    assertThat(after(copy, "-machine")).contains(",memory-backend=memory");
    assertThat(line(config.becomesTemplate(true), TCG).arguments()).isEqualTo(copy);
  }

  @Test
  void maximaLeaveRoomForHotPlug() {
    List<String> a =
        line(VmConfig.builder("vm", "/run/x").maxMemoryMib(2048).maxVcpus(4), TCG).arguments();
    assertThat(after(a, "-m")).isEqualTo("256M,maxmem=2048M");
    assertThat(String.join("\n", a))
        .contains("memory-backend-ram,id=growth-memory,reserve=off,size=1792M")
        .contains(
            "virtio-mem-pci,id=growth,memdev=growth-memory,requested-size=0"
                + ",x-disable-pcie=on,bus=pcie.0,addr=0x11");
    assertThat(after(a, "-smp")).isEqualTo("1,maxcpus=4,sockets=4");
  }

  private List<String> devices(String disk, String socket) {
    return line(
            VmConfig.builder("vm", "/run/x")
                .device(new Device.SerialChannel("agent", "dev.casemate.agent"))
                .device(new Device.Disk("root", disk, true, "s1"))
                .device(new Device.Nic("eth0", fd, "02:00:00:00:00:01", 1400))
                .device(new Device.Nic("eth1", fd, "02:00:00:00:00:02", 0))
                .device(new Device.FileShare("share", "tag", socket))
                .hotplugPorts(2),
            TCG)
        .arguments();
  }

  @Test
  void devicesHaveFixedPlaces(@TempDir Path directory) throws IOException {
    Path disk = Files.write(directory.resolve("disk, one"), new byte[512]);
    String socket = directory.resolve("a,b.sock").toString();
    List<String> a;
    try (Fd listener = UnixSocket.listen(socket, 1)) {
      a = devices(disk.toString(), socket);
    }
    String all = String.join("\n", a);
    assertThat(all)
        .contains("socket,id=host-agent,server=on,wait=off,fd=5")
        .contains("id=agent,bus=pci.0,addr=0x2")
        .contains("virtserialport,bus=agent.0,nr=1,chardev=host-agent,name=dev.casemate.agent")
        .contains("drive=host-root,serial=s1,id=root,bus=pci.0,addr=0x3")
        .contains("tap,id=host-eth0,fd=7")
        .contains("mac=02:00:00:00:00:01,host_mtu=1400,id=eth0,bus=pci.0,addr=0x4")
        .contains("fd=6,set=2")
        .contains("\"filename\":\"/dev/fdset/2\"")
        .doesNotContain(disk.toString())
        .contains("tap,id=host-eth1,fd=8")
        .contains("socket,id=host-share,fd=9")
        .doesNotContain(socket)
        .contains("tag=tag,id=share,bus=pci.0,addr=0x6")
        .contains("memory-backend-memfd,share=on,id=memory,size=256M")
        .contains("memory-backend=memory");
  }

  @Test
  void vsockComesAsADescriptorAndWithoutASocket() {
    VmConfig.Builder config =
        VmConfig.builder("vm", "/run/x").device(new Device.VsockChannel("agent", fd, 70_000, 1024));
    CommandLine line = line(config, KVM);
    assertThat(line.arguments())
        .contains(
            "vhost-vsock-pci,disable-legacy=on,guest-cid=70000,vhostfd=5,id=agent"
                + ",x-disable-pcie=on,bus=pcie.0,addr=0x2");
    assertThat(String.join("\n", line.arguments())).doesNotContain("virtio-serial");
    assertThat(line.descriptors()).hasSize(3);
    QemuSockets files = QemuSockets.of(config.build());
    assertThat(files.agent()).isEmpty();
    VmRecord record = new VmRecord("qemu", "vm", 1, 1, "/run/x", files.state());
    VmRecord read = VmRecord.fromJson(Json.parseObject(record.toJson().text()));
    assertThat(QemuSockets.agentAddress(read)).contains(new VsockSocket.Peer(70_000, 1024));
  }

  @Test
  void whatIsPluggedInTakesTheSlotsBehindTheOthers() {
    VmConfig config = VmConfig.builder("vm", "/run/x").kernel("/k").hotplugPorts(14).build();
    PciLayout layout = PciLayout.of(config);
    for (int i = 0; i < 14; i++) {
      String path = layout.reserve("vm", new Device.Disk("d" + i, "/x", true)).address().text();
      assertThat(path).isEqualTo(Integer.toHexString(18 + i));
    }
    assertThatThrownBy(() -> layout.reserve("vm", new Device.Disk("more", "/x", true)))
        .hasMessageContaining("14 hot-plug ports and all are taken");
  }

  @Test
  void theCallersKernelParametersWin() {
    VmConfig config =
        VmConfig.builder("vm", "/run/x")
            .kernel("/k")
            .kernelParameter("initcall_blacklist=")
            .kernelParameter("loglevel=7")
            .build();
    assertThat(QemuKernelParameters.all(config, TCG))
        .startsWith("console=ttyS0", "quiet", "panic=-1")
        .contains("no_timer_check")
        .endsWith("initcall_blacklist=", "loglevel=7")
        .doesNotContain("initcall_blacklist=tracer_init_tracefs,init_kprobe_trace,cmos_init");
    assertThat(QemuKernelParameters.all(config, KVM)).doesNotContain("no_timer_check");
  }

  @Test
  void versions() {
    assertThat(QemuBinary.parseVersion("QEMU emulator version 7.2.22 (Debian 1:7.2)\nCopy"))
        .contains("7.2.22");
    assertThat(QemuBinary.parseVersion("usage: x")).isEmpty();
  }
}
