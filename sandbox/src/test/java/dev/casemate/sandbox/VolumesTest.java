package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.hypervisor.GuestAddress;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.Stat;
import dev.casemate.oci.DeviceSpec;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.agent.Device;
import dev.casemate.protocol.casemate.SyncDirectoryRequest;
import dev.casemate.protocol.casemate.SyncEntry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a mount is taken for, and what becomes of devices and of volumes that are followed. */
@Tag("root")
class VolumesTest {
  @TempDir Path directory;

  private Path volume(String plugin, String name) throws IOException {
    return Files.createDirectories(
        directory.resolve("pods/u/volumes/kubernetes.io~" + plugin).resolve(name));
  }

  private static VolumeKind kind(Path source) {
    return VolumeKind.of(source.toString(), "/data");
  }

  @Test
  void kindsOfMounts() throws IOException {
    assertThat(VolumeKind.of("/run/x/shm", "/dev/shm")).isEqualTo(VolumeKind.SHARED_MEMORY);
    assertThat(VolumeKind.of("/dev/fuse", "/dev/fuse")).isEqualTo(VolumeKind.GUESTS_OWN);
    assertThat(VolumeKind.of("/sys/fs/cgroup", "/c")).isEqualTo(VolumeKind.GUESTS_OWN);
    assertThat(VolumeKind.of("/proc", "/p")).isEqualTo(VolumeKind.GUESTS_OWN);
    assertThat(VolumeKind.of("/device", "/d")).isEqualTo(VolumeKind.SHARED);
    assertThat(kind(directory)).isEqualTo(VolumeKind.SHARED);
    assertThat(kind(volume("secret", "s"))).isEqualTo(VolumeKind.FOLLOWED);
    assertThat(kind(volume("configmap", "s"))).isEqualTo(VolumeKind.FOLLOWED);
    assertThat(kind(volume("projected", "s"))).isEqualTo(VolumeKind.FOLLOWED);
    assertThat(kind(volume("downward-api", "s"))).isEqualTo(VolumeKind.FOLLOWED);
    assertThat(kind(volume("configmap", "s/inner"))).isEqualTo(VolumeKind.SHARED);
    assertThat(kind(volume("csi", "s"))).isEqualTo(VolumeKind.SHARED);
    assertThat(kind(Files.createFile(volume("secret", "t").resolve("file"))))
        .isEqualTo(VolumeKind.SHARED);
    Path hosts = Files.createFile(directory.resolve("etc-hosts"));
    assertThat(VolumeKind.of(hosts.toString(), "/etc/hosts")).isEqualTo(VolumeKind.COPIED);
    assertThat(VolumeKind.of(hosts.toString(), "/etc/hosts.d")).isEqualTo(VolumeKind.SHARED);
    assertThat(VolumeKind.of(directory.toString(), "/etc/hosts")).isEqualTo(VolumeKind.SHARED);
    Path plain = volume("empty-dir", "plain");
    assertThat(kind(plain)).isEqualTo(VolumeKind.SHARED);
    Path memory = volume("empty-dir", "memory");
    Mounts.mount("tmpfs", memory.toString(), "tmpfs", 0, "size=1m");
    try {
      assertThat(kind(memory)).isEqualTo(VolumeKind.MEMORY);
      assertThat(kind(Files.createDirectory(memory.resolve("sub")))).isEqualTo(VolumeKind.SHARED);
    } finally {
      Mounts.unmount(memory.toString(), Mounts.DETACH);
    }
  }

  @Test
  void onlyDeviceNodesOfTheHostBecomeDisks() throws IOException {
    assertThat(VolumeKind.isHostDevice(Fs.stat("/dev/null"))).isTrue();
    Path made = directory.resolve("made-by-a-guest");
    Fs.makeNode(made.toString(), Stat.BLOCK | 0600, 7, 0);
    assertThat(kind(made)).isEqualTo(VolumeKind.BLOCK_DEVICE);
    assertThatThrownBy(() -> Volumes.requireHostDevice(made.toString(), Fs.stat(made.toString())))
        .hasMessageContaining(made.toString())
        .hasMessageContaining("below /dev");
  }

  @Test
  void onlyNamedBlockDevicesBecomeDisks() {
    Spec spec =
        Spec.parse(
            """
            {"linux":{"devices":[
              {"path":"/dev/fuse","type":"c","major":10,"minor":229},
              {"path":"/dev/hostdisk","type":"b","major":7,"minor":1},
              {"path":"/dev/mine","type":"b","major":7,"minor":0}],
             "resources":{"devices":[{"allow":true,"access":"rwm"},
              {"allow":true,"type":"b","major":7,"minor":0,"access":"r"}]}}}""");
    BlockDeviceSpec devices = new BlockDeviceSpec(spec);
    assertThat(devices.warning().orElseThrow())
        .startsWith("linux.devices \"/dev/hostdisk\" is not passed to the VM");
    List<String> plugged = new ArrayList<>();
    devices.plug(
        (path, readOnly) -> {
          plugged.add(path + " " + readOnly);
          return GuestAddress.PciPath.root(0x10);
        });
    assertThat(plugged).containsExactly("/dev/loop0 true");
    assertThat(devices.devices()).extracting(Device::containerPath).containsExactly("/dev/mine");
    assertThat(devices.spec().linux().devices())
        .extracting(DeviceSpec::path)
        .containsExactly("/dev/fuse", "/dev/mine");
    Spec users =
        spec.withLinux(
            spec.linux()
                .withNamespaces(List.of(new LinuxSpec.Namespace("user", "/proc/1/ns/user"))));
    assertThatThrownBy(
            () ->
                new BlockDeviceSpec(users)
                    .plug((path, readOnly) -> GuestAddress.PciPath.root(0x10)))
        .hasMessageContaining("block device /dev/mine")
        .hasMessageContaining("user namespace");
    assertThatThrownBy(
            () ->
                new BlockDeviceSpec(
                    Spec.parse(
                        """
                        {"linux":{"devices":[{"path":"/dev/x","type":"b","major":250,"minor":77}],
                         "resources":{"devices":[
                          {"allow":true,"type":"b","major":250,"minor":77,"access":"rw"}]}}}""")))
        .hasMessageContaining("block device 250:77")
        .hasMessageContaining("/dev/x");
  }

  @Test
  void aSnapshotIsBounded() throws IOException {
    Path config = volume("configmap", "c");
    Path version = Files.createDirectory(config.resolve("..v1"));
    Files.writeString(version.resolve("key"), "value");
    Files.createSymbolicLink(config.resolve("..data"), Path.of("..v1"));
    Files.createSymbolicLink(config.resolve("key"), Path.of("..data/key"));
    SyncDirectoryRequest request =
        DirectorySnapshot.read(config.toString(), "/guest", MountIds.NONE).orElseThrow();
    assertThat(request.path()).isEqualTo("/guest");
    assertThat(request.entries())
        .extracting(SyncEntry::name)
        .containsExactly("..data", "..v1", "..v1/key", "key");
    assertThat(request.entries().get(2).data()).isEqualTo("value".getBytes());
    assertThat(request.uid()).isZero();
    SyncDirectoryRequest mapped =
        DirectorySnapshot.read(config.toString(), "/guest", MountIds.parse("0:7:1", "0:8:1"))
            .orElseThrow();
    assertThat(List.of(mapped.uid(), mapped.gid())).containsExactly(7, 8);
    assertThat(mapped.entries()).allMatch(entry -> entry.uid() == 7 && entry.gid() == 8);
    Files.write(version.resolve("big"), new byte[DirectorySnapshot.BYTES_LIMIT]);
    assertThat(DirectorySnapshot.read(config.toString(), "/guest", MountIds.NONE)).isEmpty();
    Files.delete(version.resolve("big"));
    Path deep = config;
    for (int i = 0; i < 10; i++) {
      deep = Files.createDirectory(deep.resolve("d"));
    }
    assertThat(DirectorySnapshot.read(config.toString(), "/guest", MountIds.NONE)).isEmpty();
  }
}
