package dev.casemate.agent;

import dev.casemate.archive.FdInputStream;
import dev.casemate.archive.FdOutputStream;
import dev.casemate.archive.RootedExtractor;
import dev.casemate.archive.TarReader;
import dev.casemate.archive.TarWriter;
import dev.casemate.archive.TreeArchiver;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.protocol.casemate.ArchiveRequest;
import dev.casemate.protocol.casemate.ArchiveResponse;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.util.Optional;

/**
 * {@code casemate.v1.Guest/StartArchive}: a child of the agent writes an archive of a part of the
 * container's root or unpacks one there. The root's descriptor leads into the container's mounts
 * from outside of them, and all paths are resolved below it: the child enters nothing, and executes
 * nothing.
 */
final class StartArchive {
  private static final int BUFFER = 64 * 1024;

  private StartArchive() {}

  static ArchiveResponse handle(Agent agent, ArchiveRequest request) {
    GuestContainer container = agent.containers().find(request.containerId());
    container.reserve(request.execId());
    String path = request.path().isEmpty() ? "/" : request.path();
    try (Fd root = Fs.open(rootPath(container), OpenFlag.PATH | OpenFlag.DIRECTORY)) {
      boolean directory = isDirectory(root, path, request.followLink());
      if (request.extract() && !directory) {
        throw Failures.precondition(
            path + " in container " + container.id() + " is not a directory to unpack into");
      }
      ForkedStream.start(
          agent,
          container,
          request.execId(),
          Optional.of(root),
          kept -> child(kept.orElseThrow(), path, request));
      return ArchiveResponse.builder().directory(directory).build();
    }
  }

  /** The running container's own view of its root, or where the root of a stopped one lies. */
  private static String rootPath(GuestContainer container) {
    return container.init().hasEnded()
        ? container.rootPath()
        : "/proc/" + container.init().pid() + "/root";
  }

  private static boolean isDirectory(Fd root, String path, boolean follow) {
    int flags = OpenFlag.PATH | (follow || path.endsWith("/") ? 0 : OpenFlag.NO_FOLLOW);
    try (Fd fd = Fs.openIn(root, path, flags, 0)) {
      return Fs.stat(fd).isDirectory();
    }
  }

  private static int child(Fd root, String path, ArchiveRequest request) throws IOException {
    if (request.extract()) {
      extract(root, path);
    } else {
      archive(root, path, request.followLink());
    }
    return 0;
  }

  private static void archive(Fd root, String path, boolean follow) throws IOException {
    String name = path.substring(path.lastIndexOf('/') + 1);
    try (BufferedOutputStream out =
        new BufferedOutputStream(new FdOutputStream(Fd.STDOUT), BUFFER)) {
      TarWriter writer = new TarWriter(out);
      new TreeArchiver(root, writer).add(path, name.isEmpty() ? "." : name, follow);
      writer.finish();
    }
  }

  private static void extract(Fd root, String path) throws IOException {
    try (Fd target = Fs.openIn(root, path, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY, 0);
        BufferedInputStream in = new BufferedInputStream(new FdInputStream(Fd.STDIN), BUFFER);
        RootedExtractor extractor = new RootedExtractor(target, RootedExtractor.Options.plain())) {
      extractor.extract(new TarReader(in, true));
    }
  }
}
