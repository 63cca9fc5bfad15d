package dev.casemate.sandbox;

import dev.casemate.hypervisor.Virtiofsd;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.oci.CasemateException;
import dev.casemate.oci.CasemateException.Kind;
import java.util.Optional;

/**
 * The host's directories and files that a sandbox sees: bind mounts below one directory, which one
 * virtiofsd serves.
 *
 * <p>The bind mounts are made in a mount namespace that only the sandbox process and its virtiofsd
 * are in: they go away with these two, however they end. What is read-only is so on the host, where
 * the guest cannot change it.
 */
final class Shares implements AutoCloseable {
  static final String TAG = "kataShared";
  static final String GUEST_DIRECTORY = "/run/kata-containers/shared/containers";

  private final String directory;
  private final String socket;
  private int count;
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
  static void isolate() {
    Processes.unshare(Processes.CLONE_NEWNS);
    // The host's later mounts still arrive (slave), ours do not leave.
    Mounts.mount("", "/", "", Mounts.REC | Mounts.SLAVE, "");
  }

  boolean isEmpty() {
    return count == 0;
  }

  /**
   * Shares a directory or file of the host.
   *
   * @return where it appears in the guest
   */
  String add(String hostPath, boolean readOnly, boolean recursive) {
    String name = Integer.toString(count);
    String target = directory + "/" + name;
    try (Fd source = Fs.open(hostPath, OpenFlag.PATH)) {
      if (count == 0) {
        Fs.makeDirectories(directory, 0700);
      }
      if (Fs.stat(source).isDirectory()) {
        Fs.makeDirectory(target, 0700);
      } else {
        Fs.write(target, new byte[0], 0600);
      }
      Mounts.mount(source.procPath(), target, "", Mounts.BIND | (recursive ? Mounts.REC : 0), "");
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
    count++;
    return GUEST_DIRECTORY + "/" + name;
  }

  /** Starts the daemon; returns the socket that the VMM connects to. */
  Virtiofsd serve() {
    Virtiofsd started = Virtiofsd.start(new Virtiofsd.Options(directory, socket));
    daemon = Optional.of(started);
    return started;
  }

  @Override
  public void close() {
    daemon.ifPresent(Virtiofsd::close);
    // While they are mounted, the directory cannot be removed from within this namespace.
    for (int i = count - 1; i >= 0; i--) {
      try {
        Mounts.unmount(directory + "/" + i, Mounts.DETACH);
      } catch (LinuxException e) {
        // Not mounted: adding it had failed.
      }
    }
    count = 0;
  }
}
