package dev.casemate.fuzz;

import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import java.util.concurrent.atomic.AtomicInteger;

/** A file or directory for parsers that open paths; in memory, and gone with the process. */
public final class TempFile {
  private static final String BASE = Fs.exists("/dev/shm") ? "/dev/shm" : "/tmp";

  private static final AtomicInteger MADE = new AtomicInteger();

  private final String directory;
  private final String path;

  /** Makes a directory of its own, for one file of this name. */
  public TempFile(String name) {
    directory = prefix(ProcessHandle.current().pid()) + MADE.incrementAndGet();
    path = directory + "/" + name;
    Fs.makeDirectory(directory, 0700);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> FileTree.removeTree(directory)));
  }

  /** What the paths of all directories begin with that a process makes. */
  private static String prefix(long pid) {
    return BASE + "/casemate-fuzz-" + pid + "-";
  }

  /** Removes what a process has left that was killed. */
  static void clean(long pid) {
    String prefix = prefix(pid);
    for (String name : Fs.list(BASE)) {
      if ((BASE + "/" + name).startsWith(prefix)) {
        FileTree.removeTree(BASE + "/" + name);
      }
    }
  }

  /** The directory. */
  public String directory() {
    return directory;
  }

  /** The file, with this content. */
  public String with(byte[] content) {
    FileContent.write(path, content, 0600);
    return path;
  }
}
