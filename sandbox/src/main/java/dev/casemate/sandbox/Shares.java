package dev.casemate.sandbox;

import dev.casemate.hypervisor.Virtiofsd;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.oci.CasemateException;
import dev.casemate.oci.CasemateException.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The host's directories and files that a sandbox sees: bind mounts below one directory, which one
 * virtiofsd serves.
 *
 * <p>The bind mounts are made in a mount namespace that only the sandbox process and its virtiofsd
 * are in: they go away with these two, however they end. What is read-only is so on the host, where
 * the guest cannot change it.
 */
public final class Shares implements AutoCloseable {
  static final String TAG = "kataShared";
  static final String GUEST_DIRECTORY = "/run/kata-containers/shared/containers";

  private final String directory;
  private final String socket;
  private final List<String> mounted = new ArrayList<>();
  private int count;
  private boolean prepared;
  private volatile boolean closing;
  private Optional<Virtiofsd> daemon = Optional.empty();

  /**
   * Prepares for shares; {@link #isolate} must have been called.
   *
   * @param directory an empty directory that becomes the shared one
   */
  Shares(String directory, String socket) {
    this.directory = directory;
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
   * Makes the shared directory, so that what is mounted below it later arrives in the daemon's
   * mount namespace, too.
   */
  private void prepare() {
    if (!prepared) {
      FileTree.makeDirectories(directory, 0700);
      Mounts.mount(directory, directory, "", Mounts.BIND, "");
      Mounts.mount("", directory, "", Mounts.SHARED, "");
      prepared = true;
    }
  }

  /** A name that was never used before: what the guest remembers of one never misleads it. */
  private String reserve() {
    prepare();
    return directory + "/" + count++;
  }

  /** Where the guest sees what {@link #reserve} has named. */
  private static String guestPath(String target) {
    return GUEST_DIRECTORY + target.substring(target.lastIndexOf('/'));
  }

  /**
   * Shares what the caller mounts.
   *
   * @param mount is given an empty directory and mounts something there
   * @return where it appears in the guest
   */
  public synchronized String addMount(Consumer<String> mount) {
    String target = reserve();
    Fs.makeDirectory(target, 0700);
    try {
      mount.accept(target);
    } catch (RuntimeException e) {
      detach(target);
      FileTree.removeTree(target);
      throw e;
    }
    mounted.add(target);
    return guestPath(target);
  }

  /** Ends the sharing of what {@link #add} or {@link #addMount} has returned. */
  public synchronized void remove(String guestPath) {
    String target = directory + guestPath.substring(guestPath.lastIndexOf('/'));
    if (mounted.remove(target)) {
      detach(target);
      try {
        Fs.removeDirectory(target);
      } catch (LinuxException e) {
        Fs.unlinkIfExists(target);
      }
    }
  }

  private static void detach(String target) {
    try {
      Mounts.unmount(target, Mounts.DETACH);
    } catch (LinuxException e) {
      // Not mounted: adding it had failed.
    }
  }

  /**
   * Shares a directory or file of the host.
   *
   * @return where it appears in the guest
   */
  public synchronized String add(String hostPath, boolean readOnly, boolean recursive) {
    String target;
    try (Fd source = Fs.open(hostPath, OpenFlag.PATH)) {
      target = reserve();
      if (Fs.stat(source).isDirectory()) {
        Fs.makeDirectory(target, 0700);
      } else {
        FileContent.write(target, new byte[0], 0600);
      }
      Mounts.mount(source.procPath(), target, "", Mounts.BIND | (recursive ? Mounts.REC : 0), "");
      mounted.add(target);
      if (readOnly) {
        try (Fd mount = Fs.open(target, OpenFlag.PATH)) {
          Mounts.setAttributes(mount, recursive, 1 /* MOUNT_ATTR_RDONLY */, 0, 0, 0);
        }
      }
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
    return guestPath(target);
  }

  /** Starts the daemon; returns the socket that the VMM connects to. */
  synchronized Virtiofsd serve(boolean jailed) {
    prepare();
    Virtiofsd started = Virtiofsd.start(new Virtiofsd.Options(directory, socket).withJail(jailed));
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
    for (String target : mounted.reversed()) {
      detach(target);
    }
    mounted.clear();
    if (prepared) {
      detach(directory);
      prepared = false;
    }
  }
}
