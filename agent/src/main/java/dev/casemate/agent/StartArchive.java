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
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.SystemCall;
import dev.casemate.protocol.casemate.ArchiveRequest;
import dev.casemate.protocol.casemate.ArchiveResponse;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

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
    try (Fd root = Fs.open(rootPath(container), OpenFlag.PATH | OpenFlag.DIRECTORY);
        ProcessPipes pipes = new ProcessPipes()) {
      boolean directory = isDirectory(root, path, request.followLink());
      if (request.extract() && !directory) {
        throw Failures.precondition(
            path + " in container " + container.id() + " is not a directory to unpack into");
      }
      int pid = Processes.fork(0);
      if (pid == 0) {
        Processes.exit(child(root, path, request, pipes.far()));
      }
      container.add(GuestProcess.ofPipes(agent.loop(), request.execId(), pid, pipes));
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

  /** Descriptor 3 is the root; copies of other processes' pipes would keep those open. */
  private static int child(Fd root, String path, ArchiveRequest request, List<Fd> streams) {
    try {
      for (int i = 0; i < 3; i++) {
        duplicate(streams.get(i), i);
      }
      duplicate(root, 3);
      SystemCall.raw(SystemCall.CLOSE_RANGE, 4, 0xffffffffL, 0);
      Signals.restoreDefault(Signals.PIPE);
      Signals.unblockAll();
      if (request.extract()) {
        extract(Fd.of(3), path);
      } else {
        archive(Fd.of(3), path, request.followLink());
      }
      return 0;
    } catch (Throwable e) {
      complain(e);
      return 1;
    }
  }

  private static void duplicate(Fd fd, int target) {
    SystemCall.check(
        SystemCall.raw(SystemCall.DUP2, fd.number(), target), "dup2", "descriptor " + target);
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

  private static void complain(Throwable e) {
    try {
      Fd.STDERR.writeAll(
          (Console.printable(Console.describe(e)) + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (Throwable again) {
      // Nobody reads.
    }
  }
}
