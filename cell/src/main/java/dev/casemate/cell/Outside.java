package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.NewMount;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.UnixSocket;
import dev.casemate.oci.DeviceSpec;
import dev.casemate.oci.IdMapping;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.MountSpec;
import java.util.List;
import java.util.Optional;

/**
 * What a container's first process has the engine do while it builds its root, because a user
 * namespace has taken the rights from it: to open what lies behind directories that are closed to
 * the container's root, to map the ids of mounts, to make device nodes, and to mount what belongs
 * to a VM. It names a mount or a device of the specification and sends a descriptor; it never names
 * a path.
 */
final class Outside {
  private static final String NODE = "node";

  /** In place of a mount's number: the root file system. */
  static final int ROOT = -1;

  private final SyncChannel channel;

  /** Takes the process's way to the engine. */
  Outside(SyncChannel channel) {
    this.channel = channel;
  }

  /**
   * Opens the source of a bind as the engine may: in the mounts that this process has.
   *
   * @param number of the mount in {@code mounts}, or {@link #ROOT}
   * @return a path descriptor ({@code O_PATH})
   */
  Fd open(int number) {
    try (Fd root = Fs.open("/", OpenFlag.PATH | OpenFlag.DIRECTORY)) {
      channel.send(SyncChannel.OPEN, Integer.toString(number), root);
    }
    return channel
        .receiveDescriptor()
        .orElseThrow(() -> Failures.internal("the engine has not opened a mount's source"));
  }

  /**
   * Has the ids of a mount mapped as the specification says.
   *
   * @param tree a detached mount
   * @param recursive whether mounts below it are mapped as well
   */
  void map(int number, Fd tree, boolean recursive) {
    channel.send(recursive ? SyncChannel.MAP_ALL : SyncChannel.MAP, Integer.toString(number), tree);
    if (!channel.awaitGo()) {
      Processes.exit(1);
    }
  }

  /**
   * Has the node of a device made, which a user namespace may not do.
   *
   * @param number of the device in {@code linux.devices}
   * @return a mount of it; empty if the engine may not make it either
   */
  Optional<Fd> device(int number) {
    channel.send(SyncChannel.DEVICE, Integer.toString(number));
    return channel.receiveDescriptor();
  }

  /**
   * In the engine: answers {@link #device}, with a node on a file system of its own. It is the
   * container's users', as the specification has it.
   */
  static void answerDevice(
      SyncChannel channel, SyncChannel.Message message, ContainerConfig config) {
    LinuxSpec linux = config.spec().linux();
    DeviceSpec device = linux.devices().get(Integer.parseInt(message.text()));
    Optional<Integer> uid = IdMapping.outside(device.uid().orElse(0), linux.uidMappings());
    Optional<Integer> gid = IdMapping.outside(device.gid().orElse(0), linux.gidMappings());
    if (uid.isPresent() && gid.isPresent()) {
      try (Fd files = NewMount.create("tmpfs", "tmpfs", List.of("mode=755"), 0)) {
        int mode = DeviceNodes.type(device) | DeviceNodes.mode(device);
        Fs.makeNodeAt(files, NODE, mode, device.major(), device.minor());
        Fs.chownAt(files, NODE, uid.get(), gid.get());
        Fs.chmodAt(files, NODE, DeviceNodes.mode(device));
        try (Fd node = Mounts.openTree(files, NODE, Mounts.OPEN_TREE_CLONE)) {
          UnixSocket.sendDescriptors(channel.socket(), List.of(node));
        }
        return;
      } catch (LinuxException e) {
        // An ordinary user's engine may make none, and before Linux 6.15 it cannot be mounted on:
        // the outside's node of the same path is all there is then.
        if (e.errno() != Errno.EPERM && e.errno() != Errno.EINVAL) {
          throw Failures.of("making device " + device.path(), e);
        }
      }
    }
    channel.go();
  }

  /**
   * Whether a file system shows a namespace that the container has from its VM. Only the owner of
   * that may mount it, which a user namespace of the container's own is not.
   */
  static boolean isOfMachine(MountSpec mount, Namespaces namespaces) {
    return switch (mount.type()) {
      case "sysfs" -> !namespaces.has(Processes.CLONE_NEWNET);
      case "mqueue" -> !namespaces.has(Processes.CLONE_NEWIPC);
      case "proc" -> !namespaces.has(Processes.CLONE_NEWPID);
      default -> false;
    };
  }

  /**
   * Has the engine make a file system of {@link #isOfMachine}.
   *
   * @return a detached mount
   */
  Fd make(int number) {
    channel.send(SyncChannel.MAKE, Integer.toString(number));
    return channel
        .receiveDescriptor()
        .orElseThrow(() -> Failures.internal("the engine has not made a mount"));
  }

  /** In the engine: answers {@link #make}. */
  static void answerMake(SyncChannel channel, SyncChannel.Message message, ContainerConfig config) {
    MountSpec mount = config.spec().mounts().get(Integer.parseInt(message.text()));
    if (!config.ownKernel() || !isOfMachine(mount, Namespaces.of(config.spec().linux()))) {
      throw Failures.internal("a mount of " + mount.type() + " is not for the engine to make");
    }
    MountOptions options = MountOptions.parse(mount);
    try (Fd tree =
        NewMount.create(mount.type(), MountMaker.source(mount), options.filesystem, options.set)) {
      UnixSocket.sendDescriptors(channel.socket(), List.of(tree));
    } catch (LinuxException e) {
      throw Failures.of("mounting " + mount.type() + " for " + mount.destination(), e);
    }
  }

  /** In the engine: answers {@link #open}, or throws what is to end the creation. */
  static void answerOpen(SyncChannel channel, SyncChannel.Message message, ContainerConfig config) {
    int mount = Integer.parseInt(message.text());
    String path = Rootfs.path(config);
    int flags = OpenFlag.PATH;
    if (mount != ROOT) {
      MountSpec spec = config.spec().mounts().get(mount);
      path = MountMaker.sourcePath(spec, config);
      flags |= spec.options().contains("src-nofollow") ? OpenFlag.NO_FOLLOW : 0;
    }
    try (Fd root = channel.receiveDescriptor().orElseThrow(Outside::gone);
        Fd source = Fs.openIn(root, path, flags, 0)) {
      UnixSocket.sendDescriptors(channel.socket(), List.of(source));
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT && mount != ROOT) {
        throw MountMaker.noSource(config.spec().mounts().get(mount));
      }
      throw Failures.of((mount == ROOT ? "root file system " : "mount source ") + path, e);
    }
  }

  /**
   * In the engine: answers {@link #map}.
   *
   * @param userNamespaces as {@link IdMaps#forMounts} gives them
   */
  static void answerMap(
      SyncChannel channel,
      SyncChannel.Message message,
      List<MountSpec> mounts,
      List<Optional<Fd>> userNamespaces) {
    int mount = Integer.parseInt(message.text());
    try (Fd tree = channel.receiveDescriptor().orElseThrow(Outside::gone)) {
      Mounts.setAttributes(
          tree,
          message.type() == SyncChannel.MAP_ALL,
          NewMount.ATTR_IDMAP,
          0,
          0,
          userNamespaces.get(mount).orElseThrow().number());
    } catch (LinuxException e) {
      throw Failures.of(
          "mapping the ids of the mount at "
              + mounts.get(mount).destination()
              + " (which takes the rights of the file system's owner, and a file system that"
              + " can be mapped)",
          e);
    }
    channel.go();
  }

  private static CasemateException gone() {
    return Failures.internal("the container's process has sent half a request");
  }
}
