package dev.casemate.guest;

import dev.casemate.linux.FileTree;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import java.nio.file.Path;

/** Directories for what is half done. */
final class Scratch {
  private Scratch() {}

  /** A new directory in {@code parent}, which is made when it is not there. */
  static Path directory(Path parent, String prefix) {
    make(parent);
    Path directory = parent.resolve(prefix + Processes.currentPid() + "-" + System.nanoTime());
    make(directory);
    return directory;
  }

  static void make(Path directory) {
    try {
      FileTree.makeDirectories(directory.toString(), 0700);
    } catch (LinuxException e) {
      throw Failure.of("make the directory " + directory, e);
    }
  }

  /** Removes a directory with all that is in it, if it is there. */
  static void remove(Path directory) {
    try {
      FileTree.removeTree(directory.toString());
    } catch (LinuxException e) {
      throw Failure.of("remove " + directory, e);
    }
  }
}
