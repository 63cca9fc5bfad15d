package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Keeps two processes from building the same guest. It is a lock on a file, which the kernel drops
 * when its holder dies.
 */
final class GuestLock implements AutoCloseable {
  private final Path root;
  private final String name;
  private final Fd file;

  private GuestLock(Path root, String name, Fd file) {
    this.root = root;
    this.name = name;
    this.file = file;
  }

  static GuestLock take(Path root, String name) {
    String path = root.resolve("." + name + ".lock").toString();
    Fd file;
    try {
      file = Fs.open(path, OpenFlag.READ_WRITE | OpenFlag.CREATE, 0600);
    } catch (LinuxException e) {
      throw Failure.of("lock guest '" + name + "' with " + path, e);
    }
    try {
      if (!Fs.lock(file, true, false)) {
        String holder = FileContent.readString(path, 64).strip();
        throw CasemateException.of(
            Kind.FAILED_PRECONDITION,
            "Guest '"
                + name
                + "' is being built or removed by process "
                + (holder.isEmpty() ? "(unknown)" : holder)
                + ". Wait until it is done");
      }
      FileContent.truncate(file, 0);
      file.writeAll((Processes.currentPid() + "\n").getBytes(StandardCharsets.US_ASCII));
      return new GuestLock(root, name, file);
    } catch (LinuxException e) {
      file.close();
      throw Failure.of("lock guest '" + name + "' with " + path, e);
    } catch (CasemateException e) {
      file.close();
      throw e;
    }
  }

  /** A name for a directory that belongs to this guest and is not ready. */
  Path scratchName(String purpose) {
    return root.resolve(prefix() + purpose + "." + Processes.currentPid());
  }

  /** Removes what a builder of this guest left in {@code directory} when it was killed. */
  void clean(Path directory) {
    try {
      if (!Fs.exists(directory.toString())) {
        return;
      }
      for (String entry : Fs.list(directory.toString())) {
        if (entry.startsWith(prefix())) {
          Scratch.remove(directory.resolve(entry));
        }
      }
    } catch (LinuxException e) {
      throw Failure.of("list " + directory, e);
    }
  }

  /**
   * A guest's own name never starts with a dot, and {@code ~} is in none, so no other guest's files
   * match.
   */
  private String prefix() {
    return "." + name + "~";
  }

  @Override
  public void close() {
    file.close();
  }
}
