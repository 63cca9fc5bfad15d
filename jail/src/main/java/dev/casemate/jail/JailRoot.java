package dev.casemate.jail;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.NewMount;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Stat;
import dev.casemate.linux.Text;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The root file system of a jailed program: a read-only tmpfs with only the files that the program
 * opens. Files are bind mounts of the host's, read-only, without devices and set-id bits.
 */
public final class JailRoot {
  /** A tmpfs counts in pages; a directory takes one inode and no page. */
  private static final int SLACK_BYTES = 64 * 1024;

  private static final int INODES = 2048;
  private static final int COPY_LIMIT = 512 << 20;
  private static final int OTHERS_READ = 4;
  private static final int OTHERS_WRITE = 2;
  private static final int CREATE =
      OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE | OpenFlag.NO_FOLLOW;

  private record File(String source, boolean executable) {}

  private final Map<String, File> files = new LinkedHashMap<>();
  private final Set<String> devices = new HashSet<>();
  private final Map<String, Fd> mounts = new LinkedHashMap<>();

  /** An empty root. */
  public JailRoot() {}

  /**
   * Adds a program with its shared libraries, at the paths that they have on the host.
   *
   * @param path absolute path of an ELF file
   * @param plugins ELF files that the program loads by itself, likewise with their libraries
   * @throws CasemateException FAILED_PRECONDITION if one of them is missing or damaged
   */
  public JailRoot program(String path, List<String> plugins) {
    List<String> programs = new ArrayList<>();
    programs.add(path);
    programs.addAll(plugins);
    for (String program : programs) {
      files.put(program, new File(program, true));
    }
    for (String library : SharedLibraries.of(programs)) {
      files.put(library, new File(library, true));
    }
    return this;
  }

  /**
   * Adds a file of the host.
   *
   * @param source absolute path on the host
   * @param target absolute path in the jail
   */
  public JailRoot file(String source, String target) {
    files.put(target, new File(source, false));
    return this;
  }

  /** Adds a device node of the host under its own path. */
  public JailRoot device(String path) {
    devices.add(path);
    return this;
  }

  /**
   * Adds a file system of the program's own.
   *
   * @param target absolute path in the jail
   * @param tree a detached mount; the caller closes it after the start
   */
  public JailRoot mount(String target, Fd tree) {
    mounts.put(target, tree);
    return this;
  }

  /**
   * Sets up the root on the calling thread, which is alone in its mount namespace, and makes it the
   * thread's root. The host's file system is not reachable afterwards.
   *
   * @param place an existing directory of the host
   * @return the groups that the user must be in to open the devices
   */
  List<Integer> enter(String place, JailUser user) {
    // Before anything is mounted: nothing of it must reach other namespaces.
    Mounts.mount("", "/", "", Mounts.REC | Mounts.PRIVATE, "");
    try (Fd root =
            NewMount.create(
                "tmpfs",
                "casemate-jail",
                List.of("mode=0755", "size=" + copies(), "nr_inodes=" + INODES),
                NewMount.ATTR_NOSUID | NewMount.ATTR_NOEXEC);
        Fd directory = Fs.open(place, OpenFlag.PATH | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW)) {
      Mounts.moveMount(root, directory);
      Set<String> made = new HashSet<>();
      for (Map.Entry<String, File> entry : files.entrySet()) {
        bind(root, entry.getKey(), entry.getValue(), user, made);
      }
      List<Integer> groups = new ArrayList<>();
      for (String device : devices) {
        node(root, device, user, made, groups);
      }
      for (Map.Entry<String, Fd> mount : mounts.entrySet()) {
        attach(root, mount.getKey(), mount.getValue(), made);
      }
      Mounts.setAttributes(
          root, false, NewMount.ATTR_RDONLY | NewMount.ATTR_NOSUID | NewMount.ATTR_NOEXEC, 0, 0, 0);
      Processes.changeDirectory(root);
      // The new root lies on the old one, which is taken away from below (pivot_root(2), notes).
      Mounts.pivotRoot(".", ".");
      Mounts.unmount(".", Mounts.DETACH);
      Processes.changeDirectory("/");
      return groups;
    }
  }

  private static boolean readable(Stat stat) {
    return (stat.mode() & OTHERS_READ) != 0;
  }

  /** How many bytes the files have that must be copied. */
  private long copies() {
    long bytes = SLACK_BYTES;
    for (File file : files.values()) {
      Stat stat = Fs.stat(file.source());
      if (!readable(stat)) {
        bytes += (stat.size() + 4095) & -4096L;
      }
    }
    if (bytes > COPY_LIMIT) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "the files of the jail that only root can read have "
              + (bytes >> 20)
              + " MiB, more than "
              + (COPY_LIMIT >> 20)
              + ": make the guest's kernel and initramfs readable to others (chmod o+r)");
    }
    return bytes;
  }

  private static void bind(Fd root, String target, File file, JailUser user, Set<String> made) {
    String path = makeParents(root, target, made);
    try (Fd source = Fs.open(file.source(), OpenFlag.PATH)) {
      if (!readable(Fs.stat(source))) {
        copy(root, path, file, user);
        return;
      }
      try (Fd place = create(root, path);
          Fd tree = Mounts.openTree(source, "", Mounts.OPEN_TREE_CLONE)) {
        Mounts.setAttributes(
            tree,
            false,
            NewMount.ATTR_RDONLY
                | NewMount.ATTR_NOSUID
                | NewMount.ATTR_NODEV
                | (file.executable() ? 0 : NewMount.ATTR_NOEXEC),
            0,
            Mounts.PRIVATE,
            0);
        Mounts.moveMount(tree, place);
      }
    }
  }

  /** What the user may not read on the host is copied: then it is the user's own. */
  private static void copy(Fd root, String path, File file, JailUser user) {
    try (Fd from = Fs.open(file.source(), OpenFlag.READ_ONLY);
        Fd to = Fs.openAt(root, path, CREATE, file.executable() ? 0500 : 0400)) {
      byte[] chunk = new byte[256 * 1024];
      for (int n = from.read(chunk, 0, chunk.length);
          n > 0;
          n = from.read(chunk, 0, chunk.length)) {
        to.writeAll(chunk, 0, n);
      }
      Fs.chown(to, user.uid(), user.gid());
    }
  }

  private static Fd create(Fd root, String path) {
    Fs.openAt(root, path, CREATE, 0400).close();
    return Fs.openAt(root, path, OpenFlag.PATH | OpenFlag.NO_FOLLOW, 0);
  }

  /** A node of its own where that is allowed, the host's where it is not. */
  private static void node(
      Fd root, String device, JailUser user, Set<String> made, List<Integer> groups) {
    String path = makeParents(root, device, made);
    Stat stat = Fs.stat(device);
    if (stat.type() != Stat.CHARACTER) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION, "\"" + device + "\" is not a character device");
    }
    try {
      Fs.makeNodeAt(root, path, Stat.CHARACTER | 0600, stat.deviceMajor(), stat.deviceMinor());
      Fs.chownAt(root, path, user.uid(), user.gid());
      return;
    } catch (LinuxException e) {
      if (e.errno() != Errno.EPERM) {
        throw e;
      }
    }
    int group = (stat.mode() >> 3) & (OTHERS_READ | OTHERS_WRITE);
    if (group == (OTHERS_READ | OTHERS_WRITE)) {
      groups.add(stat.gid());
    } else if ((stat.mode() & (OTHERS_READ | OTHERS_WRITE)) != (OTHERS_READ | OTHERS_WRITE)) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "the jail needs \""
              + device
              + "\", which only root may open, and this process may not create device nodes:"
              + " give Casemate CAP_MKNOD, or the device to a group (chmod g+rw "
              + device
              + ")");
    }
    try (Fd place = create(root, path);
        Fd source = Fs.open(device, OpenFlag.PATH);
        Fd tree = Mounts.openTree(source, "", Mounts.OPEN_TREE_CLONE)) {
      Mounts.setAttributes(
          tree, false, NewMount.ATTR_NOSUID | NewMount.ATTR_NOEXEC, 0, Mounts.PRIVATE, 0);
      Mounts.moveMount(tree, place);
    }
  }

  private static void attach(Fd root, String target, Fd tree, Set<String> made) {
    String path = makeParents(root, target, made);
    Fs.makeDirectoryAt(root, path, 0700);
    try (Fd place =
        Fs.openAt(root, path, OpenFlag.PATH | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW, 0)) {
      Mounts.moveMount(tree, place);
    }
  }

  /** Makes the directories above a path; returns the path relative to the root. */
  private static String makeParents(Fd root, String target, Set<String> made) {
    StringBuilder path = new StringBuilder();
    List<String> names = Text.split(target, '/');
    for (int i = 0; i < names.size(); i++) {
      String name = names.get(i);
      if (name.equals("..") || name.equals(".")) {
        throw CasemateException.of(
            Kind.INVALID_ARGUMENT,
            "path \"" + target + "\" of the jail must not contain \"" + name + "\"");
      }
      if (name.isEmpty()) {
        continue;
      }
      path.append(path.isEmpty() ? "" : "/").append(name);
      if (i < names.size() - 1 && made.add(path.toString())) {
        Fs.makeDirectoryAt(root, path.toString(), 0755);
      }
    }
    return path.toString();
  }
}
