package dev.casemate.agent;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.Stat;
import dev.casemate.protocol.GuestContract;
import dev.casemate.protocol.agent.Storage;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What is mounted for containers and the sandbox, counted by mount point: several containers may
 * name the same one. What is marked as shared stays until the sandbox ends, so that a container
 * that is made anew finds what the old one has left there.
 */
final class Storages {
  private static final int DEVICE_TIMEOUT_MILLIS = 20_000;

  private static final class Mounted {
    private final boolean mounted;

    /** By the kernel, below the share: its directory is the host's. */
    private boolean automatic;

    private int users;

    private Mounted(boolean mounted, boolean kept) {
      this.mounted = mounted;
      this.users = kept ? 2 : 1;
    }
  }

  /** What comes of mounting several. */
  interface Outcome {
    /** All is there; the mount points are to be given back by {@link #detachAll}. */
    void done(List<String> mountPoints);

    /** One could not be mounted; nothing is left. */
    void failed(Throwable cause);
  }

  private final Loop loop;
  private final Uevents uevents;
  private final KernelModules modules;
  private final Console console;
  private final Map<String, Mounted> byMountPoint = new LinkedHashMap<>();
  private final HugePages hugePages = new HugePages();

  Storages(Loop loop, Uevents uevents, KernelModules modules, Console console) {
    this.loop = loop;
    this.uevents = uevents;
    this.modules = modules;
    this.console = console;
  }

  /** Mounts all in their order, waiting for devices that are being plugged in. */
  void attachAll(List<Storage> storages, Outcome outcome) {
    attachFrom(storages, 0, new ArrayList<>(), outcome);
  }

  private void attachFrom(
      List<Storage> storages, int index, List<String> attached, Outcome outcome) {
    if (index == storages.size()) {
      outcome.done(attached);
      return;
    }
    Storage storage = storages.get(index);
    Consumer<Throwable> failed =
        cause -> {
          detachAll(attached);
          outcome.failed(cause);
        };
    Runnable done =
        () -> {
          if (!storage.mountPoint().isEmpty()) {
            attached.add(storage.mountPoint());
          }
          attachFrom(storages, index + 1, attached, outcome);
        };
    try {
      attach(storage, done, failed);
    } catch (RuntimeException e) {
      failed.accept(e);
    }
  }

  private void attach(Storage storage, Runnable done, Consumer<Throwable> failed) {
    if (!storage.mountPoint().isEmpty() && !storage.mountPoint().startsWith("/")) {
      throw Failures.invalid(
          "storage mount point \"" + storage.mountPoint() + "\" is not an absolute path");
    }
    Mounted there = byMountPoint.get(storage.mountPoint());
    if (there != null) {
      there.users++;
      done.run();
      return;
    }
    switch (storage.driver()) {
      case "blk", "mmioblk" -> awaitDevice(storage, done, failed);
      case "virtio-fs" -> {
        modules.loadGroup(GuestContract.SHARE_MODULES);
        mount(storage, storage.source(), "virtiofs");
        done.run();
      }
      case "overlayfs", "overlay" -> {
        makeOverlayDirectories(storage.options());
        mount(storage, storage.source().isEmpty() ? "overlay" : storage.source(), "overlay");
        done.run();
      }
      case "ephemeral" -> {
        ephemeral(storage);
        done.run();
      }
      case "local" -> {
        makeLocal(storage);
        done.run();
      }
      default ->
          throw new RpcException(
              RpcStatus.UNIMPLEMENTED,
              "storage driver \""
                  + storage.driver()
                  + "\" is unknown; expected blk, virtio-fs, overlayfs, ephemeral or local");
    }
  }

  private void awaitDevice(Storage storage, Runnable done, Consumer<Throwable> failed) {
    modules.loadGroup(GuestContract.BLOCK_MODULES);
    uevents.await(
        loop,
        DEVICE_TIMEOUT_MILLIS,
        () -> BlockDevices.find(storage.source()),
        node -> {
          try {
            mountDevice(storage, node);
          } catch (RuntimeException e) {
            failed.accept(e);
            return;
          }
          done.run();
        });
  }

  private void mountDevice(Storage storage, Optional<String> node) {
    if (node.isEmpty()) {
      throw CasemateException.of(
          Kind.TIMEOUT,
          "no block device appeared at "
              + storage.source()
              + " within "
              + DEVICE_TIMEOUT_MILLIS
              + " ms");
    }
    if (storage.fstype().isEmpty() || storage.mountPoint().isEmpty()) {
      return;
    }
    Mounted there = byMountPoint.get(storage.mountPoint());
    if (there != null) {
      // Another call has mounted it while this one waited for the device.
      there.users++;
      return;
    }
    if (MountOptions.value(storage.driverOptions(), "encryption_key").isPresent()
        || storage.driverOptions().contains("create_filesystem")) {
      throw new RpcException(
          RpcStatus.UNIMPLEMENTED,
          "storage " + storage.source() + ": the guest cannot make or encrypt file systems");
    }
    mount(storage, node.get(), storage.fstype());
  }

  private void mount(Storage storage, String source, String fstype) {
    String target = storage.mountPoint();
    if (target.isEmpty()) {
      throw Failures.invalid("storage of driver " + storage.driver() + " has no mount point");
    }
    MountOptions options = MountOptions.parse(storage.options());
    FileTree.makeDirectories(target, 0755);
    try {
      Mounts.mount(source, target, fstype, options.flags(), options.data());
    } catch (LinuxException e) {
      // ENODEV: the file system is a module that is not loaded yet.
      if (e.errno() != Errno.ENODEV || !modules.loadNamed(fstype, "")) {
        throw e;
      }
      Mounts.mount(source, target, fstype, options.flags(), options.data());
    }
    if (storage.shared() || fstype.equals("virtiofs")) {
      // What one container mounts in a volume, another may want to see.
      Mounts.mount("", target, "", Mounts.SHARED, "");
    }
    byMountPoint.put(target, new Mounted(true, storage.shared()));
    boolean readOnly = (options.flags() & Mounts.RDONLY) != 0;
    storage.fsGroup().ifPresent(group -> GroupOwnership.apply(target, group, readOnly));
  }

  private void ephemeral(Storage storage) {
    boolean huge = storage.fstype().equals("hugetlbfs");
    if (huge) {
      hugePages.reserve(storage.mountPoint(), storage.options());
    }
    try {
      mount(
          storage,
          storage.source().isEmpty() ? "tmpfs" : storage.source(),
          storage.fstype().isEmpty() ? "tmpfs" : storage.fstype());
    } catch (RuntimeException e) {
      hugePages.release(storage.mountPoint());
      throw e;
    }
  }

  private static void makeOverlayDirectories(List<String> options) {
    for (String name : List.of("upperdir", "workdir")) {
      MountOptions.value(options, name).ifPresent(path -> FileTree.makeDirectories(path, 0755));
    }
  }

  /**
   * Has the kernel mount what the host has mounted at a directory of the share, here and not in
   * each container's namespace: there it would be another file system each time, and a socket of
   * one container not that of another.
   *
   * @return whether {@link #detachAll} is to have the path
   */
  boolean enter(String path) {
    Mounted there = byMountPoint.get(path);
    if (there != null) {
      there.users++;
      return true;
    }
    if (Fs.statIfExists(path + "/.").filter(Stat::isDirectory).isEmpty()) {
      return false;
    }
    Mounted mounted = new Mounted(true, false);
    mounted.automatic = true;
    byMountPoint.put(path, mounted);
    return true;
  }

  private void makeLocal(Storage storage) {
    String path = storage.mountPoint();
    if (path.isEmpty()) {
      throw Failures.invalid("storage of driver local has no mount point");
    }
    FileTree.makeDirectories(path, 0755);
    Optional<String> mode = MountOptions.value(storage.options(), "mode");
    int uid = MountOptions.value(storage.options(), "uid").map(Numbers::parseId).orElse(-1);
    int gid = MountOptions.value(storage.options(), "gid").map(Numbers::parseId).orElse(-1);
    Fs.chown(path, uid, gid);
    if (mode.isPresent()) {
      Fs.chmod(path, Numbers.parseMode(mode.get()));
    }
    byMountPoint.put(path, new Mounted(false, storage.shared()));
    storage.fsGroup().ifPresent(group -> GroupOwnership.apply(path, group, false));
  }

  /** Gives a volume in memory other options, such as a new size. */
  void remount(Storage storage) {
    if (!storage.driver().equals("ephemeral")) {
      throw Failures.invalid(
          "only ephemeral storage can be changed, not that of driver " + storage.driver());
    }
    if (!byMountPoint.containsKey(storage.mountPoint())) {
      throw Failures.notFound("no ephemeral storage is mounted at " + storage.mountPoint());
    }
    MountOptions options = MountOptions.parse(storage.options());
    Mounts.mount(
        storage.source().isEmpty() ? "tmpfs" : storage.source(),
        storage.mountPoint(),
        storage.fstype().isEmpty() ? "tmpfs" : storage.fstype(),
        options.flags() | Mounts.REMOUNT,
        options.data());
  }

  /** Gives mount points back, the last one first, and unmounts those without other users. */
  void detachAll(List<String> mountPoints) {
    for (String mountPoint : mountPoints.reversed()) {
      detach(mountPoint);
    }
  }

  /** Unmounts everything. */
  void detachEverything() {
    for (String mountPoint : new ArrayList<>(byMountPoint.keySet()).reversed()) {
      Mounted mounted = byMountPoint.get(mountPoint);
      if (mounted != null) {
        mounted.users = 1;
        detach(mountPoint);
      }
    }
  }

  private void detach(String mountPoint) {
    Mounted mounted = byMountPoint.get(mountPoint);
    if (mounted == null || --mounted.users > 0) {
      return;
    }
    byMountPoint.remove(mountPoint);
    hugePages.release(mountPoint);
    if (!mounted.mounted) {
      return;
    }
    try {
      unmount(mountPoint);
      if (!mounted.automatic) {
        Fs.removeDirectory(mountPoint);
      }
    } catch (LinuxException e) {
      // EINVAL: there was no mount of the host's below the share.
      if (mounted.automatic && e.errno() == Errno.EINVAL) {
        return;
      }
      if (e.errno() != Errno.ENOTEMPTY && e.errno() != Errno.EBUSY) {
        console.warn("cannot unmount " + mountPoint, e);
      }
    }
  }

  private static void unmount(String mountPoint) {
    try {
      Mounts.unmount(mountPoint, Mounts.UMOUNT_NOFOLLOW);
    } catch (LinuxException e) {
      if (e.errno() != Errno.EBUSY) {
        throw e;
      }
      Mounts.unmount(mountPoint, Mounts.UMOUNT_NOFOLLOW | Mounts.DETACH);
    }
  }
}
