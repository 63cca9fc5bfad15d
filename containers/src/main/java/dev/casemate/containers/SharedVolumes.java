package dev.casemate.containers;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.Spec;
import dev.casemate.sandbox.SpecMounts;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Warns of directories that two VMs may write: a lock in one is not seen in the other
 * (docs/limitations.md), and nothing else would say so.
 */
final class SharedVolumes {
  private static final int SPEC_LIMIT = 16 << 20;

  private SharedVolumes() {}

  /** Warns once for each volume that a running container has too. */
  static void warn(ContainerStore store, Spec spec, Consumer<String> warnings) {
    List<String> ours = writable(spec);
    if (ours.isEmpty()) {
      return;
    }
    for (ContainerRecord record : store.list()) {
      if (!record.state().alive()) {
        continue;
      }
      for (String theirs : writable(store, record.config().id())) {
        for (String mine : ours) {
          if (overlap(mine, theirs)) {
            warnings.accept(
                "volume "
                    + mine
                    + " is also written by container "
                    + record.config().name()
                    + ": file locks do not exclude between VMs; see docs/limitations.md");
          }
        }
      }
    }
  }

  private static List<String> writable(ContainerStore store, String id) {
    try {
      String path = store.paths().container(id) + "/config.json";
      return writable(Spec.fromJson(Json.parseObject(FileContent.readString(path, SPEC_LIMIT))));
    } catch (CasemateException | LinuxException e) {
      // It has just gone.
      return List.of();
    }
  }

  private static List<String> writable(Spec spec) {
    List<String> paths = new ArrayList<>();
    for (MountSpec mount : spec.mounts()) {
      if (SpecMounts.isBind(mount)
          && !mount.options().contains("ro")
          && Fs.exists(mount.source())) {
        paths.add(MountOrder.clean(mount.source()));
      }
    }
    return paths;
  }

  /** Whether one is the other, or lies in it. */
  static boolean overlap(String one, String other) {
    return (one + "/").startsWith(other.equals("/") ? "/" : other + "/")
        || (other + "/").startsWith(one.equals("/") ? "/" : one + "/");
  }
}
