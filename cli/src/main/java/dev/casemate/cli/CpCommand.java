package dev.casemate.cli;

import dev.casemate.archive.ArchiveException;
import dev.casemate.archive.FdInputStream;
import dev.casemate.archive.TarWriter;
import dev.casemate.archive.TreeArchiver;
import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.commandline.UsageException;
import dev.casemate.containers.ContainerRecord;
import dev.casemate.containers.ContainerStore;
import dev.casemate.containers.SandboxClient;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import dev.casemate.sandbox.SandboxPaths;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * {@code casemate cp}: files and directories into and out of a running container, as docker cp has
 * it.
 */
final class CpCommand implements Command {
  private static final int SKIP_PIECE = 64 * 1024;
  private static final int TIDY_SECONDS = 10;

  @Override
  public String name() {
    return "cp";
  }

  @Override
  public String usage() {
    return "CONTAINER:PATH LOCAL|-  or  LOCAL|- CONTAINER:PATH";
  }

  @Override
  public String summary() {
    return "copy files between a running container and the host";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.flag("follow-link", 'L', "copy the target of a symbolic link instead of the link"));
  }

  @Override
  public int run(Arguments arguments) {
    if (arguments.operands().size() != 2) {
      throw new UsageException("cp requires a source and a destination: " + usage());
    }
    String from = arguments.operands().get(0);
    String to = arguments.operands().get(1);
    int fromColon = remoteColon(from);
    int toColon = remoteColon(to);
    if (fromColon > 0 == toColon > 0) {
      throw new UsageException("exactly one of source and destination must be CONTAINER:PATH");
    }
    boolean follow = arguments.has("follow-link");
    String remote = fromColon > 0 ? from : to;
    int colon = Math.max(fromColon, toColon);
    InterruptWatch.blockSignals();
    ContainerStore store = new ContainerStore(SandboxPaths.system());
    ContainerRecord record = store.find(remote.substring(0, colon));
    ExecCommand.requireRunning(record);
    String path = remote.substring(colon + 1);
    if (path.isEmpty()) {
      throw new UsageException("\"" + remote + "\" has no path after the colon");
    }
    try (SandboxClient client = SandboxClient.connect(store.paths(), record.config().id())) {
      ArchiveTransfer transfer =
          new ArchiveTransfer(client, store.paths().sandbox(record.config().id()));
      copy(transfer, from, to, fromColon > 0, path, follow);
    } catch (ArchiveException e) {
      throw CasemateException.of(Kind.CORRUPT, "cp: " + e.getMessage(), e);
    }
    return 0;
  }

  private static void copy(
      ArchiveTransfer transfer,
      String from,
      String to,
      boolean download,
      String path,
      boolean follow) {
    CountDownLatch tidy = new CountDownLatch(1);
    try (InterruptWatch watch = new InterruptWatch(() -> abort(transfer, tidy))) {
      try {
        if (download) {
          download(transfer, path, to, follow);
        } else {
          upload(transfer, from, path, follow);
        }
      } finally {
        tidy.countDown();
        watch.holdIfFired();
      }
    }
  }

  /** Ends the stream, and lets what was unpacked so far be removed. */
  private static void abort(ArchiveTransfer transfer, CountDownLatch tidy) {
    transfer.abort();
    try {
      tidy.await(TIDY_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The colon behind a container's name; a path before it makes it a local file. */
  private static int remoteColon(String place) {
    int colon = place.indexOf(':');
    return colon > 0 && place.charAt(0) != '.' && place.lastIndexOf('/', colon) < 0 ? colon : -1;
  }

  private static void download(
      ArchiveTransfer transfer, String path, String local, boolean follow) {
    try (ArchiveTransfer.Download download = transfer.download(path, follow)) {
      if (local.equals("-")) {
        copy(download.stream());
        download.finish();
        return;
      }
      Optional<Stat> there = Fs.statIfExists(local);
      boolean into = there.filter(Stat::isDirectory).isPresent();
      if (there.isPresent() && !into && download.directory()) {
        throw CasemateException.of(
            Kind.INVALID_ARGUMENT,
            "cannot copy directory " + path + " onto file " + local + "; name a directory");
      }
      String directory = into ? local : parent(local);
      String name = into ? baseName(path) : baseName(local);
      extract(download.stream(), directory, name, download.directory(), !follow, download::finish);
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT, "cannot write to " + local + ": " + e.getMessage(), e);
    }
  }

  private static void copy(FdInputStream stream) {
    byte[] piece = new byte[SKIP_PIECE];
    try {
      int n = stream.read(piece, 0, piece.length);
      while (n > 0) {
        Fd.STDOUT.writeAll(piece, 0, n);
        n = stream.read(piece, 0, piece.length);
      }
    } catch (IOException e) {
      throw CasemateException.of(
          Kind.UNAVAILABLE, "cp: the stream was interrupted: " + e.getMessage(), e);
    }
  }

  /** Unpacks what the guest sends as {@code name} in {@code directory}; see {@link CopyOut}. */
  static void extract(
      InputStream stream,
      String directory,
      String name,
      boolean isDirectory,
      boolean links,
      Runnable confirm) {
    new CopyOut(name, isDirectory, links, note -> Console.errLine("casemate: cp: " + note))
        .extract(stream, directory, confirm);
  }

  private static void upload(ArchiveTransfer transfer, String local, String path, boolean follow) {
    if (local.equals("-")) {
      try (ArchiveTransfer.Upload upload = transfer.upload(path)) {
        byte[] piece = new byte[SKIP_PIECE];
        int n = Fd.STDIN.read(piece, 0, piece.length);
        while (n > 0) {
          upload.write(piece, 0, n);
          n = Fd.STDIN.read(piece, 0, piece.length);
        }
        upload.finish();
      }
      return;
    }
    try (Fd source = Fs.open(local, OpenFlag.PATH)) {
      boolean sourceIsDirectory = Fs.stat(source).isDirectory();
      Optional<Boolean> there = transfer.isDirectory(path);
      if (there.isPresent() && !there.get() && sourceIsDirectory) {
        throw CasemateException.of(
            Kind.INVALID_ARGUMENT,
            "cannot copy directory " + local + " onto file " + path + "; name a directory");
      }
      boolean into = there.orElse(path.endsWith("/"));
      String directory = into ? path : parent(path);
      String name = into ? baseName(local) : baseName(path);
      send(transfer, local, directory, name, follow);
    } catch (LinuxException e) {
      throw CasemateException.of(Kind.NOT_FOUND, "cannot read " + local + ": " + e.getMessage(), e);
    }
  }

  private static void send(
      ArchiveTransfer transfer, String local, String directory, String name, boolean follow) {
    String parent = parent(local);
    try (Fd root = Fs.open(parent, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY);
        ArchiveTransfer.Upload upload = transfer.upload(directory)) {
      TarWriter writer = new TarWriter(upload);
      new TreeArchiver(root, writer).add(baseName(local), name, follow);
      writer.finish();
      upload.finish();
    }
  }

  private static String trimmed(String path) {
    String trimmed = path;
    while (trimmed.length() > 1 && trimmed.endsWith("/")) {
      trimmed = trimmed.substring(0, trimmed.length() - 1);
    }
    return trimmed;
  }

  private static String parent(String path) {
    String trimmed = trimmed(path);
    int slash = trimmed.lastIndexOf('/');
    return slash < 0 ? "." : slash == 0 ? "/" : trimmed.substring(0, slash);
  }

  private static String baseName(String path) {
    String trimmed = trimmed(path);
    String name = trimmed.substring(trimmed.lastIndexOf('/') + 1);
    return name.isEmpty() ? "." : name;
  }
}
