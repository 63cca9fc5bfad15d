package dev.casemate.sandbox;

import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.Spec;
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
  private final LinuxSpec linux;

  private HostFiles(SandboxVm vm, String containerId, LinuxSpec linux, List<MountSpec> mounts) {
    this.vm = vm;
    this.containerId = containerId;
    this.linux = linux;
    this.mounts = new ArrayList<>(mounts);
  }

  /** The container's mounts with those of the files, which the guest has then. */
  static List<MountSpec> add(SandboxVm vm, String containerId, Spec spec, List<MountSpec> mounts) {
    String hostname = spec.hostname();
    if (hostname.isEmpty()) {
      return mounts;
    }
    HostFiles files = new HostFiles(vm, containerId, spec.linux(), mounts);
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
      // They belong to the container's root.
      MountIds ids = new MountIds(linux.uidMappings(), linux.gidMappings(), false);
      byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
      vm.agent().copyFile(source, bytes, 0644, ids.uid(0), ids.gid(0));
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
