package dev.casemate.agent;

import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.protocol.GuestContract;
import java.util.ArrayList;
import java.util.List;

/**
 * Plants links, FIFOs and devices in every directory of the host's that the guest can write, under
 * all names that the host may be about to use, and in place of what is there.
 */
final class HostilePlanting {
  private static final int NUMBERS = 48;
  private static final int DEPTH = 3;
  private static final int DIRECTORIES_LIMIT = 64;
  private static final List<String> NAMES =
      List.of("hosts", "hostname", "resolv.conf", "mounts", "watcher", "shared", "output.log");

  private int planted;
  private int replaced;
  private int refused;
  private final String target;

  private HostilePlanting(String target) {
    this.target = target;
  }

  /** Plants links to a target of the host, and the rest; tells how much of it came to be. */
  static String plant(String target) {
    HostilePlanting planting = new HostilePlanting(target);
    List<String> directories = new ArrayList<>();
    directories(GuestContract.SHARED, 0, directories);
    for (String directory : directories) {
      planting.plantIn(directory);
    }
    return "planted "
        + planting.planted
        + ", replaced "
        + planting.replaced
        + ", refused "
        + planting.refused
        + " in "
        + directories.size()
        + " directories";
  }

  private static void directories(String path, int depth, List<String> found) {
    if (found.size() >= DIRECTORIES_LIMIT) {
      return;
    }
    List<String> names;
    try {
      if (!Fs.lstat(path).isDirectory()) {
        return;
      }
      names = Fs.list(path);
    } catch (LinuxException e) {
      return;
    }
    found.add(path);
    for (String name : depth < DEPTH ? names : List.<String>of()) {
      directories(path + "/" + name, depth + 1, found);
    }
  }

  private void plantIn(String directory) {
    for (int i = 0; i < NUMBERS; i++) {
      plantAt(directory + "/" + i, i);
    }
    for (int i = 0; i < NAMES.size(); i++) {
      plantAt(directory + "/" + NAMES.get(i), 0);
      plantAt(directory + "/was-" + NAMES.get(i), i);
    }
  }

  private void plantAt(String path, int kind) {
    try {
      if (exists(path)) {
        // Mount points do not move; what is the guest's own to rename does.
        Fs.rename(path, path + ".away");
        replaced++;
      }
      switch (kind % 4) {
        case 0 -> Links.symlink(target, path);
        case 1 -> Fs.makeFifo(path, 0666);
        case 2 -> Fs.makeNode(path, 0020666, 1, 5);
        default -> Links.symlink("/proc/self/root" + target, path);
      }
      planted++;
    } catch (LinuxException e) {
      refused++;
    }
  }

  private static boolean exists(String path) {
    try {
      Fs.lstat(path);
      return true;
    } catch (LinuxException e) {
      return false;
    }
  }
}
