package dev.casemate.sandbox;

import dev.casemate.linux.Fs;
import dev.casemate.linux.Stat;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;

/**
 * What several containers of a pod have of the host by the same path is shared once. The guest sees
 * each share as a file system of its own, and what has to be the same file for both sides (a unix
 * socket, a lock, a mapping) would not be, by two.
 */
final class SharedSources {
  private final Shares shares;
  private final Map<String, Share> byKey = new HashMap<>();

  private static final class Share {
    private final String guestPath;
    private int users = 1;

    private Share(String guestPath) {
      this.guestPath = guestPath;
    }
  }

  SharedSources(Shares shares) {
    this.shares = shares;
  }

  /**
   * Shares a directory or file; {@link #remove} takes one user away. Nothing is locked while the
   * path is looked at, which may lie on another machine.
   */
  String add(String hostPath, ShareMode mode) {
    return add(hostPath, mode, HostView.OWN);
  }

  /** As {@link #add(String, ShareMode)}, of what the path is in a view. */
  String add(String hostPath, ShareMode mode, HostView view) {
    String key = view.look(() -> key(hostPath, mode));
    Optional<String> there = use(key);
    if (there.isPresent()) {
      return there.get();
    }
    String mine = shares.add(hostPath, mode, view);
    String used = putIfAbsent(key, mine);
    if (!used.equals(mine)) {
      shares.remove(mine);
    }
    return used;
  }

  private synchronized Optional<String> use(String key) {
    Share there = byKey.get(key);
    if (there == null) {
      return Optional.empty();
    }
    there.users++;
    return Optional.of(there.guestPath);
  }

  /** Another container may have been faster. */
  private synchronized String putIfAbsent(String key, String guestPath) {
    Optional<String> there = use(key);
    if (there.isEmpty()) {
      byKey.put(key, new Share(guestPath));
    }
    return there.orElse(guestPath);
  }

  /** What lies at the path may be another thing than it was for an earlier container. */
  private static String key(String hostPath, ShareMode mode) {
    Stat stat = Fs.statIfExists(hostPath).orElse(null);
    return (stat == null
            ? ""
            : stat.filesystemMajor() + ":" + stat.filesystemMinor() + ":" + stat.inode())
        + (mode.readOnly() ? " ro " : " rw ")
        + (mode.recursive() ? mode.mayBeWritableBelow() ? "t" : "r" : "-")
        + (mode.following() ? "f " : "- ")
        + (mode.ids().isNone() ? "" : mode.ids() + " ")
        + hostPath;
  }

  synchronized void remove(String guestPath) {
    for (Iterator<Share> all = byKey.values().iterator(); all.hasNext(); ) {
      Share share = all.next();
      if (share.guestPath.equals(guestPath)) {
        if (--share.users == 0) {
          all.remove();
          shares.remove(guestPath);
        }
        return;
      }
    }
  }
}
