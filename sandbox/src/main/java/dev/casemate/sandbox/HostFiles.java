package dev.casemate.sandbox;

import dev.casemate.oci.MountSpec;
import dev.casemate.protocol.GuestContract;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code /etc/hosts}, {@code /etc/hostname} and {@code /etc/resolv.conf}, as every engine gives
 * them to a container, unless the bundle brings its own. They lie in a small file system in the
 * guest's memory: what a container writes to them stays there.
 */
final class HostFiles {
  static final String GUEST_DIRECTORY = GuestContract.FILES + "/";

  private final SandboxVm vm;
  private final String containerId;
  private final List<MountSpec> mounts;

  private HostFiles(SandboxVm vm, String containerId, List<MountSpec> mounts) {
    this.vm = vm;
    this.containerId = containerId;
    this.mounts = new ArrayList<>(mounts);
  }

  /** The container's mounts with those of the files, which the guest has then. */
  static List<MountSpec> add(
      SandboxVm vm, String containerId, String hostname, List<MountSpec> mounts) {
    if (hostname.isEmpty()) {
      return mounts;
    }
    HostFiles files = new HostFiles(vm, containerId, mounts);
    String address = vm.address();
    String hosts =
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
            + (address.isEmpty() ? "127.0.1.1" : address)
            + "\t"
            + hostname
            + "\n";
    files.file("/etc/hostname", hostname + "\n");
    files.file("/etc/hosts", hosts);
    if (vm.hasResolver()) {
      files.bind(GUEST_DIRECTORY + ".resolv.conf", "/etc/resolv.conf");
    }
    return files.mounts;
  }

  private void file(String destination, String content) {
    String source = GUEST_DIRECTORY + containerId + destination.substring("/etc".length());
    if (bind(source, destination)) {
      vm.agent().copyFile(source, content.getBytes(StandardCharsets.UTF_8), 0644);
    }
  }

  private boolean bind(String source, String destination) {
    for (MountSpec mount : mounts) {
      if (mount.destination().equals(destination)) {
        return false;
      }
    }
    mounts.add(MountSpec.of(destination, "bind", source, "bind", "rprivate"));
    return true;
  }
}
