package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.hypervisor.Virtiofsd;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.protocol.GuestContract;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The host's directories and files that a sandbox sees: mounts below one directory, which one
 * virtiofsd serves.
 *
 * <p>The mounts are made in a mount namespace that only the sandbox process and its virtiofsd are
 * in: they go away with these two, however they end. A share gets its attributes before it is
 * attached anywhere, so it has them in virtiofsd's namespace, too: what is read-only is so on the
 * host, where the guest cannot change it. The directory itself is the host's, see {@link
 * ShareDirectory}.
 */
public final class Shares implements AutoCloseable {
  private final ShareDirectory directory;
  private final String socket;
  private final Set<String> mounted = new LinkedHashSet<>();
  private int count;
  private volatile boolean closing;
  private Optional<Virtiofsd> daemon = Optional.empty();

  /**
   * Prepares the shares; {@link #isolate} must have been called.
   *
   * @param directory a path that does not exist yet; the files of the shares are created there
   */
  Shares(String directory, String socket) {
    this.directory = new ShareDirectory(directory);
    this.socket = socket;
  }

  /**
   * Gives this process a mount namespace of its own. Must run before the process has a second
   * thread.
   */
  public static void isolate() {
    Processes.unshare(Processes.CLONE_NEWNS);
    // The host's later mounts still arrive (slave), ours do not leave.
    Mounts.mount("", "/", "", Mounts.REC | Mounts.SLAVE, "");
  }

  synchronized boolean isEmpty() {
    return count == 0;
  }

  /** Whether the daemon runs. */
  synchronized boolean isServed() {
    return daemon.isPresent();
  }

  /**
   * Shares what the caller mounts.
   *
   * @param mount is given an empty directory, which no guest sees, and mounts something there
   * @return where it appears in the guest
   */
  public String addMount(Consumer<String> mount) {
    try (ShareDirectory.Place place = place()) {
      mount.accept(place.path());
      try (Fd root = Fs.open(place.path(), OpenFlag.PATH | OpenFlag.DIRECTORY);
          Fd tree = detached(root, ShareMode.ROOT)) {
        return attach(tree, true);
      }
    }
  }

  private synchronized ShareDirectory.Place place() {
    requireOpen();
    return directory.place();
  }

  /**
   * Shares a directory or file of the host. What may wait for another machine, such as a look at
   * the path, happens before anything is locked.
   *
   * @return where it appears in the guest
   */
  public String add(String hostPath, ShareMode mode) {
    try (Fd source = Fs.open(hostPath, OpenFlag.PATH);
        Fd tree = detached(source, mode)) {
      return attach(tree, Fs.stat(source).isDirectory());
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        throw CasemateException.of(
            Kind.NOT_FOUND,
            "host path "
                + hostPath
                + " of a volume does not exist; create it, or correct the -v option",
            e);
      }
      throw CasemateException.of(
          Kind.INTERNAL, "cannot share host path " + hostPath + ": " + e.getMessage(), e);
    }
  }

  /** A copy of a mount, with its attributes, that is not attached to anything yet. */
  private static Fd detached(Fd source, ShareMode mode) {
    Fd tree =
        Mounts.openTree(
            source, "", Mounts.OPEN_TREE_CLONE | (mode.recursive() ? Mounts.AT_RECURSIVE : 0));
    try {
      Mounts.setAttributes(tree, mode.recursive(), mode.attributes(), 0, mode.propagation(), 0);
    } catch (RuntimeException e) {
      tree.close();
      throw e;
    }
    return tree;
  }

  private synchronized String attach(Fd tree, boolean isDirectory) {
    requireOpen();
    directory.prepare();
    // Never used before: what the guest remembers of one never misleads it.
    String name = Integer.toString(count++);
    directory.add(name, tree, isDirectory);
    mounted.add(name);
    return GuestContract.SHARED + "/" + name;
  }

  private void requireOpen() {
    if (closing) {
      throw CasemateException.of(Kind.UNAVAILABLE, "the sandbox is shutting down");
    }
  }

  /** Ends the sharing of what {@link #add} or {@link #addMount} has returned. */
  public synchronized void remove(String guestPath) {
    String name = guestPath.substring(guestPath.lastIndexOf('/') + 1);
    if (mounted.remove(name)) {
      directory.remove(name);
    }
  }

  /** Starts the daemon; returns the socket that the VMM connects to. */
  synchronized Virtiofsd serve(boolean jailed) {
    directory.prepare();
    Virtiofsd started =
        Virtiofsd.start(new Virtiofsd.Options(directory.served(), socket).withJail(jailed));
    daemon = Optional.of(started);
    return started;
  }

  /** Runs {@code action} once if the daemon ends before {@link #close}. */
  synchronized void onDaemonEnd(Runnable action) {
    if (daemon.isEmpty()) {
      return;
    }
    Fd process = Processes.openPid(daemon.get().pid());
    Threads.start(
        "shares",
        () -> {
          try (process) {
            Poll.await(process, Poll.IN, -1);
          }
          if (!closing) {
            action.run();
          }
        });
  }

  @Override
  public synchronized void close() {
    closing = true;
    daemon.ifPresent(Virtiofsd::close);
    // While they are mounted, the directory cannot be removed from within this namespace.
    mounted.clear();
    directory.close();
  }
}
