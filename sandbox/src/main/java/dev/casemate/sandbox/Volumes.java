package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.hypervisor.GuestAddress;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.linux.FileSystem;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Stat;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.Resources;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.GuestContract;
import dev.casemate.protocol.agent.Device;
import dev.casemate.protocol.agent.Storage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What the containers of a sandbox have of the host, each by the way that suits it: directories and
 * files over virtio-fs, block devices and images as disks that are plugged in, volumes in memory in
 * the guest's own memory, volumes that must tell of their changes as copies. What the guest has
 * itself ({@code /dev}, {@code /proc}, {@code /sys}, shared memory) is its own.
 */
public final class Volumes implements AutoCloseable {
  private static final String GUEST_MEMORY = GuestContract.MEMORY_VOLUMES + "/";

  private static final long DEFAULT_SHM_BYTES = 64 << 20;

  /** Each takes a share; a host's root directory may have hundreds. */
  private static final int BELOW_LIMIT = 64;

  private final Shares shares;
  private final SharedSources sources;
  private final HotDisks disks;
  private final FollowedVolumes followed;
  private final FileCopies copies;
  private final Consumer<String> warnings;
  private volatile boolean otherDisks;
  private final Map<String, String> memoryNames = new HashMap<>();
  private final Map<String, List<Runnable>> releases = new HashMap<>();

  /**
   * What a container's mounts and devices have become.
   *
   * @param spec with block devices where there were mounts of such
   * @param mounts with sources that the guest has
   * @param storages what the guest mounts before these
   * @param devices block devices of the specification
   */
  public record Prepared(
      Spec spec, List<MountSpec> mounts, List<Storage> storages, List<Device> devices) {}

  Volumes(Shares shares, VirtualMachine vm, AgentClient agent, Consumer<String> warnings) {
    this.shares = shares;
    this.sources = new SharedSources(shares);
    this.disks = new HotDisks(vm, warnings);
    this.followed = new FollowedVolumes(agent, warnings);
    this.copies = new FileCopies(agent, warnings);
    this.warnings = warnings;
  }

  /**
   * Makes the host's side of a container's mounts and devices; {@link #release} undoes it, also
   * after a failure.
   *
   * @throws CasemateException NOT_FOUND if the host has no such path
   */
  public Prepared prepare(String containerId, Spec spec) {
    return prepare(containerId, spec, HostView.OWN);
  }

  /** As {@link #prepare(String, Spec)}, with sources that are the paths of a view. */
  public Prepared prepare(String containerId, Spec spec, HostView view) {
    List<MountSpec> mounts = new ArrayList<>();
    List<Storage> storages = new ArrayList<>();
    BlockDeviceSpec devices = new BlockDeviceSpec(spec);
    devices.warning().ifPresent(warnings);
    for (MountSpec mount : spec.mounts()) {
      if (SpecMounts.isBind(mount)) {
        bind(containerId, spec, mount, view, mounts, storages, devices);
      } else if (OverlayVolume.is(mount)) {
        overlay(containerId, spec.linux(), mount, view, mounts);
      } else {
        mounts.add(mount);
      }
    }
    devices.plug(
        (path, readOnly) -> {
          otherDisks = true;
          return disk(containerId, path, readOnly);
        });
    return new Prepared(devices.spec(), mounts, storages, devices.devices());
  }

  private void bind(
      String containerId,
      Spec spec,
      MountSpec mount,
      HostView view,
      List<MountSpec> mounts,
      List<Storage> storages,
      BlockDeviceSpec devices) {
    String source = mount.source();
    VolumeKind kind = VolumeKind.of(source, mount.destination());
    if (kind.isOfHost() && view.differs(source)) {
      kind = VolumeKind.SHARED;
    }
    MountIds ids = MountIds.of(mount, spec.linux());
    MountSpec plain = MountIds.without(mount);
    switch (kind) {
      case SHARED_MEMORY -> {
        storages.add(sharedMemory(source));
        // It is empty, and any user may write to it.
        mounts.add(plain.withSource(GuestContract.SHM));
      }
      case BLOCK_DEVICE -> {
        Stat stat = Fs.stat(source);
        requireHostDevice(source, stat);
        devices.add(mount.destination(), stat, mount.options().contains("ro"));
      }
      case GUESTS_OWN -> mounts.add(mount.withSource(source));
      case MEMORY -> {
        String guestPath = memoryName(source);
        storages.add(memory(source, guestPath, ids));
        mounts.add(plain.withSource(guestPath));
      }
      case HUGE_PAGES -> {
        String guestPath = memoryName(source);
        storages.add(hugePages(spec, source, guestPath, ids));
        mounts.add(plain.withSource(guestPath));
      }
      case FOLLOWED -> {
        Optional<String> guestPath = followed.add(source, ids);
        if (guestPath.isPresent()) {
          onRelease(containerId, () -> followed.remove(guestPath.get()));
          mounts.add(plain.withSource(guestPath.get()));
        } else {
          warnings.accept(
              "volume "
                  + source
                  + " is too large to be copied into the guest: its updates arrive, but without"
                  + " inotify events");
          share(containerId, plain, view, mounts, ids);
        }
      }
      case COPIED -> copy(containerId, plain, view, mounts, ids);
      case SHARED -> share(containerId, plain, view, mounts, ids);
    }
  }

  private void overlay(
      String containerId, LinuxSpec linux, MountSpec mount, HostView view, List<MountSpec> mounts) {
    requireSharing("the overlay at " + mount.destination());
    if (!MountIds.of(mount, linux).isNone()) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "the overlay at "
              + mount.destination()
              + " has uidMappings, and Linux maps no overlay; use a container without a user"
              + " namespace");
    }
    OverlayVolume overlay = OverlayVolume.of(mount);
    ShareMode mode = ShareMode.of(overlay.words());
    String guestPath = shares.addOverlay(overlay, mount.destination(), mode, view);
    onRelease(containerId, () -> shares.remove(guestPath));
    mounts.add(
        new MountSpec(
            mount.destination(), "bind", guestPath, overlay.words(), List.of(), List.of()));
  }

  private void copy(
      String containerId, MountSpec mount, HostView view, List<MountSpec> mounts, MountIds ids) {
    String source = mount.source();
    Optional<String> guestPath = copies.add(source, ids);
    if (guestPath.isPresent()) {
      onRelease(containerId, () -> copies.remove(guestPath.get()));
      mounts.add(mount.withSource(guestPath.get()));
    } else {
      ShareMode mode = new ShareMode(true, true, false);
      share(containerId, mount, view, mounts, mode.withIds(ids));
    }
  }

  static void requireHostDevice(String source, Stat node) {
    if (node.type() != Stat.BLOCK || !VolumeKind.isHostDevice(node)) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "volume "
              + source
              + " is a block device outside of the host's /dev: a guest may have created it."
              + " Use the device's path below /dev");
    }
  }

  private void share(
      String containerId, MountSpec mount, HostView view, List<MountSpec> mounts, MountIds ids) {
    share(containerId, mount, view, mounts, ShareMode.of(mount.options()).withIds(ids));
  }

  private void share(
      String containerId, MountSpec mount, HostView view, List<MountSpec> mounts, ShareMode mode) {
    requireSharing("volume " + mount.source());
    String guestPath = sources.add(mount.source(), mode, view);
    onRelease(containerId, () -> sources.remove(guestPath));
    mounts.add(mount.withSource(guestPath));
    if (mode.mayBeWritableBelow()) {
      shareBelow(containerId, mount, view, mounts, mode.ids());
    }
  }

  /**
   * In the guest a read-only mount is so with all that is in it: what the host has mounted below
   * and is writable becomes a share of its own, mounted over its place.
   */
  private void shareBelow(
      String containerId, MountSpec mount, HostView view, List<MountSpec> mounts, MountIds ids) {
    List<String> options = new ArrayList<>(mount.options());
    options.remove("ro");
    ShareMode mode = ShareMode.of(options).withIds(ids.recursive() ? ids : MountIds.NONE);
    List<String> all = view.look(() -> MountsBelow.writable(mount.source()));
    if (all.size() > BELOW_LIMIT) {
      warnings.accept(
          "volume "
              + mount.source()
              + " has "
              + all.size()
              + " writable mounts below it; in the container all but the first "
              + BELOW_LIMIT
              + " are read-only");
      all = all.subList(0, BELOW_LIMIT);
    }
    for (String below : all) {
      Optional<String> guestPath = shares.addBelow(mount.source(), below, mode, view);
      if (guestPath.isPresent()) {
        onRelease(containerId, () -> shares.remove(guestPath.get()));
        mounts.add(
            new MountSpec(
                mount.destination() + "/" + below,
                mount.type(),
                guestPath.get(),
                options,
                List.of(),
                List.of()));
      }
    }
  }

  /**
   * A container's root from disks, where the snapshotter gives such.
   *
   * @param rootfs the snapshotter's mounts
   * @return empty if they are of another kind: mount them and share what comes of it
   */
  public Optional<RootPlan> root(
      String containerId, List<dev.casemate.protocol.containerd.Mount> rootfs) {
    return RootDisks.plan(
        rootfs,
        GuestContract.CONTAINERS + containerId,
        (path, readOnly) -> disk(containerId, path, readOnly));
  }

  /** Shares a container's root that is a directory of the host; returns its path in the guest. */
  public String shareRoot(String containerId, String hostPath, HostView view) {
    requireSharing("root " + hostPath + " of container " + containerId);
    String guestPath = shares.addRoot(hostPath, view);
    onRelease(containerId, () -> shares.remove(guestPath));
    return guestPath;
  }

  /**
   * A container's root that must be mounted first, in this process's mount namespace.
   *
   * @param mount is given an empty directory and mounts the root there
   */
  public String mountRoot(String containerId, Consumer<String> mount) {
    requireSharing("the root of container " + containerId);
    String guestPath = shares.addMount(mount);
    onRelease(containerId, () -> shares.remove(guestPath));
    return guestPath;
  }

  /** The engine may have changed what the containers have as copies. */
  void refresh() {
    copies.refresh();
  }

  /** The disks of a restored VM, which are its container's root. */
  void adoptDisks(String containerId, List<HotDisks.HostDisk> restored) {
    for (HotDisks.HostDisk disk : restored) {
      GuestAddress place = disks.adopt(disk);
      onRelease(containerId, () -> disks.release(place));
    }
  }

  /** The VM's disks that came after its start. */
  List<HotDisks.HostDisk> disks() {
    return disks.all();
  }

  /** Whether containers' roots are all that these disks are for. */
  boolean disksAreRoots() {
    return !otherDisks;
  }

  private void requireSharing(String what) {
    if (!shares.isServed()) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          what
              + " would have to be shared with the VM, which the configuration forbids: set"
              + " file_sharing = \"virtio-fs\" in its [vm], or use a volume that is a block"
              + " device or image file");
    }
  }

  /** Plugs in a disk for a container; returns its address in the guest. */
  GuestAddress disk(String containerId, String hostPath, boolean readOnly) {
    GuestAddress place = disks.add(hostPath, readOnly);
    onRelease(containerId, () -> disks.release(place));
    return place;
  }

  /** Of the size that the host's has. */
  private static Storage sharedMemory(String source) {
    long bytes = DEFAULT_SHM_BYTES;
    if (Fs.exists(source) && VolumeKind.isTmpfs(source)) {
      bytes = Math.max(1 << 16, FileSystem.of(source).sizeBytes());
    }
    return ephemeral(
        GuestContract.SHM,
        "tmpfs",
        List.of("mode=1777", "nosuid", "nodev", "noexec", "size=" + bytes));
  }

  /** With the limit that kubelet has given to the host's. */
  private static Storage memory(String source, String guestPath, MountIds ids) {
    Stat stat = Fs.stat(source);
    return ephemeral(
        guestPath,
        "tmpfs",
        List.of(
            "mode=" + Integer.toOctalString(stat.permissions()),
            "uid=" + Integer.toUnsignedString(ids.uid(stat.uid())),
            "gid=" + Integer.toUnsignedString(ids.gid(stat.gid())),
            "size=" + Math.max(4096, FileSystem.of(source).sizeBytes())));
  }

  private static Storage hugePages(Spec spec, String source, String guestPath, MountIds ids) {
    Stat stat = Fs.stat(source);
    long pageBytes = FileSystem.of(source).blockBytes();
    long bytes = 0;
    for (Resources.HugepageLimit limit : spec.linux().resources().hugepageLimits()) {
      if (limit.pageSize().equals(pageName(pageBytes))) {
        bytes = limit.limit();
      }
    }
    if (bytes <= 0) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "volume "
              + source
              + " uses huge pages, but the container has no limit for pages of "
              + pageName(pageBytes)
              + "; set resources.limits.hugepages-"
              + pageName(pageBytes).replace("B", "i"));
    }
    return ephemeral(
        guestPath,
        "hugetlbfs",
        List.of(
            "pagesize=" + pageBytes / 1024 + "K",
            "size=" + bytes,
            "mode=" + Integer.toOctalString(stat.permissions()),
            "uid=" + Integer.toUnsignedString(ids.uid(stat.uid())),
            "gid=" + Integer.toUnsignedString(ids.gid(stat.gid()))));
  }

  /** As the runtime specification has it: {@code 2MB}. */
  private static String pageName(long bytes) {
    return bytes >= 1 << 30 ? bytes / (1 << 30) + "GB" : bytes / (1 << 20) + "MB";
  }

  /** Shared: it outlives a container of the pod that is made anew. */
  private static Storage ephemeral(String guestPath, String fstype, List<String> options) {
    return Storage.builder()
        .driver("ephemeral")
        .source(fstype)
        .fstype(fstype)
        .options(options)
        .mountPoint(guestPath)
        .shared(true)
        .build();
  }

  /** The same for all containers that have the host's directory. */
  private synchronized String memoryName(String source) {
    return memoryNames.computeIfAbsent(source, s -> GUEST_MEMORY + memoryNames.size());
  }

  synchronized void onRelease(String containerId, Runnable release) {
    releases.computeIfAbsent(containerId, id -> new ArrayList<>()).add(release);
  }

  /** Gives back what a container had; nothing is fine. */
  void release(String containerId) {
    List<Runnable> mine;
    synchronized (this) {
      mine = releases.remove(containerId);
    }
    if (mine != null) {
      for (Runnable release : mine.reversed()) {
        release.run();
      }
    }
  }

  @Override
  public void close() {
    followed.close();
    copies.close();
  }
}
