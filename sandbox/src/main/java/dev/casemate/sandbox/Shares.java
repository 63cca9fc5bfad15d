package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.hypervisor.Virtiofsd;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.NewMount;
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
    HostMounts.keep();
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
    return add(hostPath, mode, HostView.OWN);
  }

  /** As {@link #add(String, ShareMode)}, of what the path is in a view. */
  String add(String hostPath, ShareMode mode, HostView view) {
    try (Fd tree = view.look(() -> detached(hostPath, mode))) {
      return attach(tree, Fs.stat(tree).isDirectory());
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

  /**
   * Shares a container's root directory, in which the guest makes places for mounts.
   *
   * @throws CasemateException NOT_FOUND if the view has none at the path, FAILED_PRECONDITION if
   *     nothing is in it: it is then the place of a mount that is not there
   */
  String addRoot(String hostPath, HostView view) {
    try (Fd tree = view.look(() -> root(hostPath))) {
      return attach(tree, true);
    } catch (LinuxException e) {
      throw CasemateException.of(
          e.errno() == Errno.ENOENT ? Kind.NOT_FOUND : Kind.INTERNAL,
          "cannot share the root directory " + hostPath + ": " + e.getMessage(),
          e);
    }
  }

  private static Fd root(String hostPath) {
    try (Fd source = Fs.open(hostPath, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY)) {
      if (Fs.list(source).isEmpty()) {
        throw CasemateException.of(
            Kind.FAILED_PRECONDITION,
            "root directory "
                + hostPath
                + " is empty: its file system is not mounted where the shim can see it; mount it"
                + " before the container is created, in the mount namespace of the engine");
      }
      return detached(source, ShareMode.ROOT);
    }
  }

  private static Fd detached(String hostPath, ShareMode mode) {
    try (Fd source = Fs.open(hostPath, OpenFlag.PATH)) {
      return detached(source, mode);
    }
  }

  /**
   * Shares an overlay of a view's directories.
   *
   * @param name of the mount, for messages
   * @throws CasemateException INVALID_ARGUMENT if it cannot be mounted
   */
  String addOverlay(OverlayVolume overlay, String name, ShareMode mode, HostView view) {
    try (Fd tree = view.sketch(() -> overlay.mount(mode))) {
      return attach(tree, true);
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "the overlay at "
              + name
              + " cannot be mounted on the host (options "
              + overlay.data()
              + "): "
              + e.getMessage(),
          e);
    }
  }

  /**
   * Shares what is mounted below a directory.
   *
   * @return where it appears in the guest; empty if nothing is mounted there any more
   */
  Optional<String> addBelow(String hostPath, String below, ShareMode mode, HostView view) {
    Optional<Fd> tree =
        view.look(
            () -> {
              Optional<Fd> mount = MountsBelow.open(hostPath, below);
              if (mount.isEmpty()) {
                return Optional.<Fd>empty();
              }
              try (Fd source = mount.get()) {
                return Optional.of(detached(source, mode));
              }
            });
    if (tree.isEmpty()) {
      return Optional.empty();
    }
    try (Fd attached = tree.get()) {
      return Optional.of(attach(attached, Fs.stat(attached).isDirectory()));
    }
  }

  /** A copy of a mount, with its attributes, that is not attached to anything yet. */
  private static Fd detached(Fd source, ShareMode mode) {
    Fd tree =
        Mounts.openTree(
            source, "", Mounts.OPEN_TREE_CLONE | (mode.recursive() ? Mounts.AT_RECURSIVE : 0));
    try {
      Mounts.setAttributes(tree, mode.recursive(), mode.attributes(), 0, mode.propagation(), 0);
      if (mode.mayBeWritableBelow()) {
        Mounts.setAttributes(tree, false, NewMount.ATTR_RDONLY, 0, 0, 0);
      }
      mode.ids().apply(tree, source.toString());
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

  /** The daemon's process; empty without one. */
  synchronized Optional<Integer> daemonPid() {
    return daemon.map(Virtiofsd::pid);
  }

  /** What serves them; empty before {@link #serve}. */
  synchronized Optional<Virtiofsd> daemon() {
    return daemon;
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
