package dev.casemate.cell;

import dev.casemate.linux.Fd;
import java.util.List;
import java.util.Map;

/**
 * What a caller may want of a process beyond its spec.
 *
 * @param noPivot moves the root with MS_MOVE and chroot(2): for a root file system that is a
 *     ramdisk, which pivot_root(2) does not take. Weaker; only on demand
 * @param newKeyring whether a new session keyring is made; else the caller's is the process's too
 * @param preserved descriptors that the process gets as 3, 4, …; they stay the caller's
 * @param subgroups for a further process: paths of the control groups below the container's that it
 *     is put into, by controller, "" for all; empty for those that the first process is in
 * @param ignorePaused whether a further process is made in a paused container, too
 */
public record LaunchOptions(
    boolean noPivot,
    boolean newKeyring,
    List<Fd> preserved,
    Map<String, String> subgroups,
    boolean ignorePaused) {
  public static final LaunchOptions DEFAULT = new LaunchOptions(false, true, List.of());

  public LaunchOptions(boolean noPivot, boolean newKeyring, List<Fd> preserved) {
    this(noPivot, newKeyring, preserved, Map.of(), false);
  }
}
