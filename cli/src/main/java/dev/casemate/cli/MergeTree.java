package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import java.util.Optional;

/**
 * Moves a tree to its place by rename(2), directory by directory where one is there already. As in
 * docker cp, a directory takes no other file's place, nor the other way round; other files are
 * replaced. A directory that is there keeps its mode and its times. No link is followed.
 */
final class MergeTree {
  private static final int DIRECTORY = OpenFlag.READ_ONLY | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW;

  private MergeTree() {}

  /**
   * Moves entry {@code from} of {@code source} to entry {@code to} of {@code target}. What cannot
   * be done is found before anything is moved.
   *
   * @param to {@code "."}: the directory itself
   * @param place names {@code target} in errors
   */
  static void into(Fd source, String from, Fd target, String to, String place) {
    check(source, from, target, to, place + "/" + to);
    move(source, from, target, to);
  }

  /** What an entry of a directory is, without following it. */
  static Optional<Stat> find(Fd directory, String name) {
    try {
      return Optional.of(Fs.lstatAt(directory, name));
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private static void check(Fd source, String from, Fd target, String to, String place) {
    Optional<Stat> there = find(target, to);
    if (there.isEmpty()) {
      return;
    }
    Stat coming = Fs.lstatAt(source, from);
    boolean directory = coming.isDirectory();
    if (directory != there.get().isDirectory()) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "cannot copy a "
              + (directory ? "directory over " : "file over directory ")
              + place
              + "; remove that first");
    }
    if (directory) {
      if (coming.filesystemMajor() != there.get().filesystemMajor()
          || coming.filesystemMinor() != there.get().filesystemMinor()) {
        throw CasemateException.of(
            Kind.INVALID_ARGUMENT,
            "another file system is mounted on "
                + place
                + ", and cp cannot replace directories across file systems; copy that directory separately");
      }
      try (Fd below = Fs.openAt(source, from, DIRECTORY, 0);
          Fd existing = Fs.openAt(target, to, DIRECTORY, 0)) {
        for (String name : Fs.list(below)) {
          check(below, name, existing, name, place + "/" + name);
        }
      }
    }
  }

  private static void move(Fd source, String from, Fd target, String to) {
    Optional<Stat> there = find(target, to);
    if (there.isEmpty() || !there.get().isDirectory()) {
      Fs.renameAt(source, from, target, to);
      return;
    }
    try (Fd below = Fs.openAt(source, from, DIRECTORY, 0);
        Fd existing = Fs.openAt(target, to, DIRECTORY, 0)) {
      for (String name : Fs.list(below)) {
        move(below, name, existing, name);
      }
    }
  }
}
