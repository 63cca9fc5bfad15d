package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.base.PathText;
import dev.casemate.cgroup.Cgroup;
import dev.casemate.cgroup.ResctrlGroup;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.Stat;
import dev.casemate.oci.CriuOptions;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.Spec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Makes a container of what {@link Checkpoint} has dumped, by criu. */
final class Restoration {
  private static final int FILE_MODE = 0755;

  private final ContainerConfig config;
  private final Spec spec;
  private final CriuOptions options;
  private final StateDirectory directory;
  private final ImageRecord image;
  private final String rootfs;
  private final CriuRequest request;
  private final List<Fd> fds = new ArrayList<>();
  private final List<Fd> opened = new ArrayList<>();

  private Restoration(ContainerConfig config, CriuOptions options, StateDirectory directory) {
    this.config = config;
    this.spec = config.spec();
    this.options = options;
    this.directory = directory;
    this.image = ImageRecord.read(options.images());
    this.rootfs = Rootfs.path(config);
    this.request = CriuRequest.restore(options, rootfs);
  }

  /** Restores a container and makes its directory, or leaves nothing. */
  static Container restore(
      ContainerConfig config, Stdio stdio, CriuOptions options, StateDirectory directory) {
    boolean done = false;
    SpecCheck.check(config);
    check(options);
    directory.make();
    try {
      Container container = new Restoration(config, options, directory).restore(Criu.find(), stdio);
      done = true;
      return container;
    } finally {
      directory.close();
      if (!done) {
        directory.remove();
      }
    }
  }

  /** Refuses what is no checkpoint, before anything is made. */
  private static void check(CriuOptions options) {
    if (!Fs.exists(options.images() + "/inventory.img")) {
      throw Failures.precondition(
          "--image-path "
              + options.images()
              + " holds no checkpoint (inventory.img is missing); name the directory that checkpoint"
              + " has written to");
    }
    ImageRecord.read(options.images());
    Criu.find();
  }

  private Container restore(String program, Stdio stdio) {
    ContainerRecord record = ContainerRecord.of(config, Namespaces.of(spec.linux()));
    Cgroup cgroup = config.cgroup();
    Optional<ResctrlGroup> resctrl = record.resctrl();
    boolean classed = false;
    boolean grouped = false;
    int restored = 0;
    boolean done = false;
    try {
      directory.write(record);
      directory.write(spec);
      if (!options.work().isEmpty()) {
        FileTree.makeDirectories(options.work(), 0700);
      }
      makeMountPoints();
      resctrl.ifPresent(group -> group.create(spec.linux().intelRdt().orElseThrow()));
      classed = true;
      cgroup.create();
      grouped = true;
      List<String> warnings = new ArrayList<>(cgroup.apply(spec.linux().resources()));
      warnings.addAll(cgroup.applyDevices(spec.linux().resources().devices()));
      build(stdio);
      Criu.Outcome outcome =
          Criu.run(
              program,
              request,
              fds,
              this::privateRoot,
              pid -> {
                cgroup.add(pid);
                resctrl.ifPresent(group -> group.add(pid));
              });
      restored = outcome.pid();
      outcome.terminal().ifPresent(opened::add);
      checkTerminal(outcome, stdio);
      Fd pidfd = Processes.openPid(restored);
      record =
          record.withProcess(
              restored,
              Processes.startTime(restored)
                  .orElseThrow(
                      () -> Failures.precondition("the restored process has ended at once")),
              cgroup.record());
      if (hasOwnClock(restored)) {
        record = record.withNamespaces(record.namespaces() | Processes.CLONE_NEWTIME);
      }
      directory.write(record);
      Container container =
          new Container(
                  record,
                  cgroup,
                  Optional.of(directory),
                  new CellProcess(restored, outcome.terminal(), warnings),
                  new FirstProcess(config.id(), Optional.of(pidfd)),
                  Container.State.RUNNING)
              .made(config, Optional.empty());
      outcome.terminal().ifPresent(opened::remove);
      done = true;
      return container;
    } catch (LinuxException e) {
      throw Failures.of("restoring container " + config.id(), e);
    } finally {
      for (Fd fd : opened) {
        fd.close();
      }
      if (!done && restored > 0) {
        // There may be no control group by which it would be found.
        Processes.killIfExists(restored, Signals.KILL);
      }
      if (!done && grouped) {
        cgroup.kill();
        cgroup.delete();
      }
      if (!done && classed) {
        resctrl.ifPresent(ResctrlGroup::remove);
      }
    }
  }

  /**
   * Whether criu has made a time namespace, so that clocks go on where they were: later processes
   * must be in it, too, or the next checkpoint cannot be restored.
   */
  private static boolean hasOwnClock(int pid) {
    Optional<Stat> own = Fs.statIfExists("/proc/self/ns/time");
    Optional<Stat> its = Fs.statIfExists("/proc/" + pid + "/ns/time");
    return own.isPresent() && its.isPresent() && own.get().inode() != its.get().inode();
  }

  /** A terminal needs a caller that takes its other end, and such a caller a terminal. */
  private void checkTerminal(Criu.Outcome outcome, Stdio stdio) {
    boolean wanted = stdio instanceof Stdio.Terminal;
    if (outcome.terminal().isPresent() != wanted) {
      throw Failures.precondition(
          "container "
              + config.id()
              + " was checkpointed "
              + (wanted ? "without" : "with")
              + " a terminal; set process.terminal to "
              + !wanted);
    }
  }

  private void build(Stdio stdio) {
    if (!options.manageCgroups().equals("ignore")) {
      Criu.place(request, config.cgroup().record());
    }
    for (String target : image.mounts()) {
      request.external("mnt[" + target + "]:" + source(image.configured(target)));
    }
    List<Fd> streams =
        stdio instanceof Stdio.Pipes pipes
            ? List.of(pipes.in(), pipes.out(), pipes.err())
            : List.of();
    List<String> seen = new ArrayList<>();
    for (int i = 0; i < Math.min(streams.size(), image.streams().size()); i++) {
      String name = image.streams().get(i);
      if (!name.isEmpty() && !seen.contains(name)) {
        seen.add(name);
        checkKind(i, name, streams.get(i));
        inherit(streams.get(i), name);
      }
    }
    CriuConfiguration.open(spec.annotations())
        .ifPresent(
            file -> {
              opened.add(file);
              request.configuration(Criu.FIRST_FD + fds.size());
              fds.add(file);
            });
    namespace(ImageRecord.joined(spec.linux(), "network", "net"), Criu.NETWORK);
    namespace(ImageRecord.joined(spec.linux(), "pid"), Criu.PIDS);
  }

  /** The outside's path for a mount. */
  private String source(String target) {
    MountSpec nearest = ImageRecord.nearest(target, spec).orElse(null);
    return nearest != null && ImageRecord.isCgroup(nearest)
        ? Criu.group(config.cgroup().record(), PathText.name(target))
        : ImageRecord.source(target, spec, config.bundle());
  }

  /** A process that has a pipe goes on with a pipe; criu would fail in words of its own. */
  private static void checkKind(int number, String name, Fd stream) {
    int type = Fs.stat(stream).type();
    String now =
        switch (type) {
          case Stat.FIFO -> "a pipe";
          case Stat.SOCKET -> "a socket";
          default -> "a file or device";
        };
    String then =
        name.startsWith("pipe:")
            ? "a pipe"
            : name.startsWith("socket:") ? "a socket" : "a file or device";
    if (!now.equals(then)) {
      throw Failures.precondition(
          "descriptor "
              + number
              + " of the process was "
              + then
              + " when it was checkpointed, and "
              + now
              + " is given for it; redirect it to "
              + then);
    }
  }

  private void inherit(Fd fd, String name) {
    request.inherit(Criu.FIRST_FD + fds.size(), name);
    fds.add(fd);
  }

  private void namespace(String path, String name) {
    if (!path.isEmpty()) {
      Fd fd = Fs.open(path, OpenFlag.READ_ONLY);
      opened.add(fd);
      inherit(fd, name);
    }
  }

  /**
   * The root may be a fresh one, without what the container was first made with, and so may be a
   * directory of the outside that another is mounted in.
   */
  private void makeMountPoints() {
    try (Fd root = Fs.open(rootfs, OpenFlag.PATH | OpenFlag.DIRECTORY)) {
      RootPaths paths = new RootPaths(root);
      for (MountSpec mount : spec.mounts()) {
        String destination = PathText.clean(mount.destination());
        boolean file =
            ImageRecord.isBind(mount)
                && !Fs.stat(ImageRecord.source(destination, spec, config.bundle())).isDirectory();
        MountSpec above = above(destination);
        if (destination.equals("/")) {
          continue;
        }
        if (above == null) {
          makeMountPoint(paths, destination, file);
        } else if (ImageRecord.isBind(above)) {
          makeMountPointOutside(above, destination, file);
        }
      }
    }
  }

  private void makeMountPointOutside(MountSpec above, String destination, boolean file) {
    String at = PathText.clean(above.destination());
    String source = ImageRecord.source(at, spec, config.bundle());
    if (!Fs.stat(source).isDirectory()) {
      return;
    }
    try (Fd directory = Fs.open(source, OpenFlag.PATH | OpenFlag.DIRECTORY)) {
      makeMountPoint(new RootPaths(directory), destination.substring(at.length()), file);
    }
  }

  private static void makeMountPoint(RootPaths paths, String destination, boolean file) {
    try {
      (file ? paths.file(destination, FILE_MODE) : paths.directory(destination, FILE_MODE)).close();
    } catch (LinuxException e) {
      if (e.errno() != Errno.EROFS) {
        throw e;
      }
      // criu says what is missing.
    }
  }

  /** The mount that a destination is on; null if that is the root. */
  private @Nullable MountSpec above(String destination) {
    MountSpec nearest = null;
    for (MountSpec other : spec.mounts()) {
      String above = PathText.clean(other.destination());
      if (!above.equals(destination)
          && ImageRecord.covers(above, destination)
          && (nearest == null
              || above.length() >= PathText.clean(nearest.destination()).length())) {
        nearest = other;
      }
    }
    return nearest;
  }

  /** criu wants the root to be a mount; here it ends with criu, whatever happens. */
  private void privateRoot() {
    Processes.parentDeathSignal(Signals.KILL);
    Processes.unshare(Processes.CLONE_NEWNS);
    Mounts.mount("", "/", "", Mounts.SLAVE | Mounts.REC, "");
    Mounts.mount(rootfs, rootfs, "", Mounts.BIND | Mounts.REC, "");
  }
}
