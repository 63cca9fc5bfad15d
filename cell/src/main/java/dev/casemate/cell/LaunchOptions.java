package dev.casemate.cell;

import dev.casemate.linux.Fd;
import java.util.List;

/**
 * What a caller may want of a process beyond its spec.
 *
 * @param noPivot moves the root with MS_MOVE and chroot(2): for a root file system that is a
 *     ramdisk, which pivot_root(2) does not take. Weaker; only on demand
 * @param newKeyring whether a new session keyring is made; else the caller's is the process's too
 * @param preserved descriptors that the process gets as 3, 4, …; they stay the caller's
 */
public record LaunchOptions(boolean noPivot, boolean newKeyring, List<Fd> preserved) {
  public static final LaunchOptions DEFAULT = new LaunchOptions(false, true, List.of());
}
