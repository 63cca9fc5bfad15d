package dev.casemate.sandbox;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import dev.casemate.protocol.casemate.SyncDirectoryRequest;
import dev.casemate.protocol.casemate.SyncEntry;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A small directory of the host as it is at one moment, for the guest. Symbolic links are taken as
 * they are: those of kubelet's volumes lead from the names to the version that is in force.
 */
final class DirectorySnapshot {
  /** A message of the agent's protocol has 4 MiB at most; kubelet's volumes 1 MiB of content. */
  static final int BYTES_LIMIT = 3 << 20;

  static final int ENTRIES_LIMIT = 2048;
  private static final int DEPTH_LIMIT = 8;
  private static final int ENTRY_BYTES = 64;
  private static final int RETRIES = 5;
  private static final int DIRECTORY = OpenFlag.READ_ONLY | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW;

  private final MountIds ids;
  private final List<SyncEntry> entries = new ArrayList<>();
  private long bytes;
  private boolean tooBig;

  private DirectorySnapshot(MountIds ids) {
    this.ids = ids;
  }

  /**
   * Reads a directory.
   *
   * @param guestPath where it is to be in the guest
   * @param ids which owners it is to have there
   * @return empty if it is too big to be followed
   */
  static Optional<SyncDirectoryRequest> read(String hostPath, String guestPath, MountIds ids) {
    for (int i = 0; ; i++) {
      DirectorySnapshot snapshot = new DirectorySnapshot(ids);
      try (Fd root = Fs.open(hostPath, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY)) {
        Stat stat = Fs.stat(root);
        snapshot.directory(root, "", 0);
        return snapshot.tooBig
            ? Optional.empty()
            : Optional.of(
                SyncDirectoryRequest.builder()
                    .path(guestPath)
                    .mode(stat.permissions())
                    .uid(ids.uid(stat.uid()))
                    .gid(ids.gid(stat.gid()))
                    .entries(snapshot.entries)
                    .build());
      } catch (LinuxException e) {
        // It was changed while it was read.
        if (e.errno() != Errno.ENOENT || i == RETRIES) {
          throw e;
        }
      }
    }
  }

  private void directory(Fd directory, String prefix, int depth) {
    List<String> names = new ArrayList<>(Fs.list(directory));
    names.sort(null);
    for (String name : names) {
      if (tooBig) {
        return;
      }
      entry(directory, prefix + name, name, depth);
    }
  }

  private void entry(Fd directory, String path, String name, int depth) {
    Stat stat = Fs.lstatAt(directory, name);
    SyncEntry.Builder entry =
        SyncEntry.builder()
            .name(path)
            .mode(stat.mode())
            .uid(ids.uid(stat.uid()))
            .gid(ids.gid(stat.gid()));
    switch (stat.type()) {
      case Stat.DIRECTORY -> {
        add(entry, path, new byte[0]);
        if (depth + 1 >= DEPTH_LIMIT) {
          tooBig = true;
          return;
        }
        try (Fd child = Fs.openAt(directory, name, DIRECTORY, 0)) {
          directory(child, path + "/", depth + 1);
        }
      }
      case Stat.REGULAR -> {
        if (stat.size() > BYTES_LIMIT - bytes) {
          tooBig = true;
          return;
        }
        // A volume that is too big for a copy is shared: a guest may put a device there now.
        try (Fd file =
            Fs.openRegularAt(directory, name)
                .orElseThrow(() -> new LinuxException("open", path, Errno.ENOENT))) {
          add(entry, path, FileContent.readBytes(file, path, BYTES_LIMIT));
        }
      }
      case Stat.SYMLINK ->
          add(entry, path, Links.readLinkAt(directory, name).getBytes(StandardCharsets.UTF_8));
      default -> {
        // Sockets and devices have no place in such a volume.
      }
    }
  }

  private void add(SyncEntry.Builder entry, String path, byte[] data) {
    bytes += data.length + path.length() + ENTRY_BYTES;
    tooBig |= bytes > BYTES_LIMIT || entries.size() >= ENTRIES_LIMIT;
    if (!tooBig) {
      entries.add(entry.data(data).build());
    }
  }
}
