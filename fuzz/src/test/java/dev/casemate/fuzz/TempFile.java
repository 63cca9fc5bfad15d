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
    directory =
        BASE + "/casemate-fuzz-" + ProcessHandle.current().pid() + "-" + MADE.incrementAndGet();
    path = directory + "/" + name;
    Fs.makeDirectory(directory, 0700);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> FileTree.removeTree(directory)));
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
