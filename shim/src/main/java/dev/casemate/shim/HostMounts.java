package dev.casemate.shim;

import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.oci.Json;
import dev.casemate.protocol.agent.Storage;
import dev.casemate.protocol.oci.Mount;
import dev.casemate.sandbox.Shares;
import dev.casemate.sandbox.SpecMounts;
import java.util.ArrayList;
import java.util.List;

/**
 * A container's mounts with the host's side of them done.
 *
 * @param mounts with sources that the guest has
 * @param storages what the guest must mount first
 */
record HostMounts(List<Mount> mounts, List<Storage> storages) {
  /** A pod's shared memory: in the guest, where mappings of it are really shared. */
  private static final String GUEST_SHM = "/run/kata-containers/sandbox/shm";

  private static final long DEFAULT_SHM_BYTES = 64 << 20;

  /** Shares what is of the host and notes each share under the container's id. */
  static HostMounts prepare(String id, Json.Obj spec, Shares shares, HostContainers hosts) {
    List<Mount> mounts = new ArrayList<>();
    List<Storage> storages = new ArrayList<>();
    for (Json.Obj mount : spec.objects("mounts")) {
      if (!SpecMounts.isBind(mount)) {
        mounts.add(SpecMounts.withSource(mount, mount.string("source")));
      } else if (mount.string("destination").equals("/dev/shm")) {
        storages.add(sharedMemory(mount.string("source")));
        mounts.add(SpecMounts.withSource(mount, GUEST_SHM));
      } else {
        Mount translated = SpecMounts.translate(mount, shares);
        hosts.addShare(id, translated.source());
        mounts.add(translated);
      }
    }
    return new HostMounts(mounts, storages);
  }

  /** Of the size that the host's has. */
  private static Storage sharedMemory(String source) {
    long bytes = DEFAULT_SHM_BYTES;
    try {
      bytes = Math.max(1 << 16, Fs.space(source)[1]);
    } catch (LinuxException e) {
      // No such directory: the default.
    }
    return Storage.builder()
        .driver("ephemeral")
        .source("shm")
        .fstype("tmpfs")
        .options(List.of("mode=1777", "nosuid", "nodev", "noexec", "size=" + bytes))
        .mountPoint(GUEST_SHM)
        .build();
  }
}
