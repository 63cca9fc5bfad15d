package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.base.PathText;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import dev.casemate.linux.Text;
import dev.casemate.oci.CriuOptions;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.Spec;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Dumps a container's processes to files, by criu. */
final class Checkpoint {
  private static final int DIRECTORY_MODE = 0700;
  private static final int TTY_MAJOR = 136;
  private static final int TTY_MAJOR_LAST = 143;
  private static final int FILE_LIMIT = 16 << 20;

  private final ContainerRecord record;
  private final Spec spec;
  private final CriuOptions options;
  private final CriuRequest request;
  private final String proc;

  private Checkpoint(ContainerRecord record, Spec spec, CriuOptions options) {
    this.record = record;
    this.spec = spec;
    this.options = options;
    this.request = CriuRequest.dump(options, record.pid(), record.rootfs());
    this.proc = "/proc/" + record.pid();
  }

  /** Dumps a running container; on failure it goes on, and no images of this dump are left. */
  static void dump(ContainerRecord record, Spec spec, CriuOptions options) {
    String program = Criu.find();
    new Checkpoint(record, spec, options).dump(program);
  }

  private void dump(String program) {
    Set<String> before;
    try {
      FileTree.makeDirectories(options.images(), DIRECTORY_MODE);
      if (!options.work().isEmpty()) {
        FileTree.makeDirectories(options.work(), DIRECTORY_MODE);
      }
      before = new HashSet<>(Fs.list(options.images()));
      checkParent();
    } catch (LinuxException e) {
      throw Failures.of("making the directory for the checkpoint", e);
    }
    boolean done = false;
    try {
      request.freezeCgroup(Criu.freezer(record.cgroup()));
      namespaces();
      ImageRecord image = image();
      for (String mount : image.mounts()) {
        request.external("mnt[" + mount + "]:" + mount);
      }
      if (!options.preDump()) {
        image.write(options.images());
      }
      run(program);
      done = true;
    } catch (LinuxException e) {
      throw Failures.of("checkpointing container " + record.id(), e);
    } finally {
      if (!done) {
        removeNew(options.images(), before);
      }
    }
  }

  private void run(String program) {
    Optional<Fd> configuration = CriuConfiguration.open(spec.annotations());
    List<Fd> fds = new ArrayList<>();
    try {
      if (configuration.isPresent()) {
        fds.add(configuration.get());
        request.configuration(Criu.FIRST_FD);
      }
      Criu.run(program, request, fds, () -> {}, pid -> {});
    } finally {
      configuration.ifPresent(Fd::close);
    }
  }

  private void checkParent() {
    if (!options.parent().isEmpty()
        && !Fs.statIfExists(options.images() + "/" + options.parent())
            .map(Stat::isDirectory)
            .orElse(false)) {
      throw Failures.invalid(
          "--parent-path "
              + options.parent()
              + " is no directory, seen from "
              + options.images()
              + "; name that of an earlier --pre-dump, relative to the images");
    }
  }

  /** The log stays: it is what there is to be looked at. */
  private static void removeNew(String images, Set<String> before) {
    for (String name : Fs.list(images)) {
      if (!before.contains(name) && !name.endsWith(".log")) {
        Fs.unlinkIfExists(images + "/" + name);
      }
    }
  }

  /** Namespaces that the container only joined are not dumped with it. */
  private void namespaces() {
    if (!ImageRecord.joined(spec.linux(), "network", "net").isEmpty()) {
      request.external("net[" + Fs.stat(proc + "/ns/net").inode() + "]:" + Criu.NETWORK);
    }
    if (!ImageRecord.joined(spec.linux(), "pid").isEmpty()) {
      request.external("pid[" + Fs.stat(proc + "/ns/pid").inode() + "]:" + Criu.PIDS);
    }
  }

  /** Declares streams that lead out of the container, and names them. */
  private List<String> streams() {
    Set<String> own = new HashSet<>();
    for (String line : Text.split(FileContent.readString(proc + "/mountinfo", FILE_LIMIT), '\n')) {
      int blank = line.indexOf(' ');
      own.add(blank < 0 ? line : line.substring(0, blank));
    }
    List<String> streams = new ArrayList<>();
    for (int fd = 0; fd < 3; fd++) {
      String name = stream(fd, own);
      if (name.startsWith("socket:[")) {
        request.external("unix[" + name.substring("socket:[".length()));
      } else if (!name.isEmpty() && !name.startsWith("pipe:") && !streams.contains(name)) {
        request.external(name);
      }
      streams.add(name);
    }
    return streams;
  }

  private String stream(int fd, Set<String> ownMounts) {
    String path = proc + "/fd/" + fd;
    String link;
    try {
      link = Links.readLink(path);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return "";
      }
      throw e;
    }
    if (link.startsWith("pipe:[") || link.startsWith("socket:[")) {
      return link;
    }
    String mount = "";
    for (String line :
        Text.split(FileContent.readString(proc + "/fdinfo/" + fd, FILE_LIMIT), '\n')) {
      if (line.startsWith("mnt_id:")) {
        mount = line.substring("mnt_id:".length()).strip();
      }
    }
    if (!link.startsWith("/") || ownMounts.contains(mount)) {
      return "";
    }
    Stat stat = Fs.stat(path);
    if (stat.type() == Stat.CHARACTER
        && stat.deviceMajor() >= TTY_MAJOR
        && stat.deviceMajor() <= TTY_MAJOR_LAST) {
      throw Failures.precondition(
          "container "
              + record.id()
              + " has "
              + link
              + " of the outside, a terminal, as descriptor "
              + fd
              + "; checkpoint one whose streams are pipes, files or /dev/null");
    }
    return "file["
        + Long.toHexString(Long.parseLong(mount))
        + ":"
        + Long.toHexString(stat.inode())
        + "]";
  }

  /** What is of the outside: streams, and where its files and directories are mounted. */
  private ImageRecord image() {
    ImageRecord image = new ImageRecord(streams(), new ArrayList<>(), links());
    for (Mounts.Info mount : Mounts.list(record.pid())) {
      if (isOutside(mount, image.configured(mount.target()))
          && !image.mounts().contains(mount.target())) {
        image.mounts().add(mount.target());
      }
    }
    return image;
  }

  /** Where binds are whose destination leads over links, to that destination. */
  private Map<String, String> links() {
    Map<String, String> links = new LinkedHashMap<>();
    try (Fd root = Fs.open(proc + "/root", OpenFlag.PATH | OpenFlag.DIRECTORY)) {
      RootPaths paths = new RootPaths(root);
      for (MountSpec mount : spec.mounts()) {
        String destination = PathText.clean(mount.destination());
        Fd target = ImageRecord.isBind(mount) ? paths.find(destination).orElse(null) : null;
        if (target != null) {
          try (target) {
            String real = Links.readLink(target.procPath());
            if (!real.equals(destination)) {
              links.put(real, destination);
            }
          }
        }
      }
    }
    return links;
  }

  private boolean isOutside(Mounts.Info info, String target) {
    if (target.equals("/")) {
      return false;
    }
    if (spec.linux().maskedPaths().contains(target)) {
      return !info.fstype().equals("tmpfs");
    }
    MountSpec nearest = ImageRecord.nearest(target, spec).orElse(null);
    if (nearest != null && ImageRecord.isBind(nearest)) {
      return true;
    }
    if (nearest != null && ImageRecord.isCgroup(nearest)) {
      // Without a namespace of their own these are binds of the container's groups.
      return spec.linux().namespace("cgroup").isEmpty()
          && (info.fstype().equals("cgroup") || info.fstype().equals("cgroup2"));
    }
    // Devices that are bound because their container may make none.
    return ImageRecord.covers("/dev", target)
        && info.fstype().equals("devtmpfs")
        && !info.root().equals("/");
  }
}
