package dev.casemate.cell;

import dev.casemate.base.PathText;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import java.util.Optional;

/**
 * Paths inside a container's root, which is hostile: every one is resolved by the kernel with the
 * container's root as the root of all links.
 */
final class RootPaths {
  private static final int LINKS = 40;

  private final Fd root;

  RootPaths(Fd root) {
    this.root = root;
  }

  Fd root() {
    return root;
  }

  /** What is at a path; empty if nothing is. */
  Optional<Fd> find(String path) {
    try {
      return Optional.of(Fs.openIn(root, path, OpenFlag.PATH, 0));
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** The directory at a path, made with those above it if it is missing. */
  Fd directory(String path, int mode) {
    return directory(path, mode, 0);
  }

  private Fd directory(String path, int mode, int links) {
    Optional<Fd> there = find(path);
    if (there.isPresent()) {
      return there.get();
    }
    String clean = PathText.clean(path);
    if (clean.equals("/")) {
      throw new LinuxException("open", path, Errno.ENOENT);
    }
    String name = PathText.name(clean);
    try (Fd parent = directory(PathText.parent(clean), mode, links)) {
      try {
        Fs.makeDirectoryAt(parent, name, mode);
      } catch (LinuxException e) {
        if (e.errno() != Errno.EEXIST) {
          throw new LinuxException(e.call(), clean, e.errno());
        }
        if (!Fs.lstatAt(parent, name).isSymlink() || links >= LINKS) {
          throw new LinuxException("mkdir", clean, links >= LINKS ? Errno.ELOOP : Errno.ENOTDIR);
        }
        // A link that leads nowhere: what it names is made.
        return directory(follow(clean, Links.readLinkAt(parent, name)), mode, links + 1);
      }
    }
    return Fs.openIn(root, clean, OpenFlag.PATH | OpenFlag.DIRECTORY, 0);
  }

  private static String follow(String link, String target) {
    return target.startsWith("/") ? target : PathText.parent(link) + "/" + target;
  }

  /** The file at a path, made empty, with directories above it, if it is missing. */
  Fd file(String path, int mode) {
    String clean = PathText.clean(path);
    for (int links = 0; links <= LINKS; links++) {
      Optional<Fd> there = find(clean);
      if (there.isPresent()) {
        return there.get();
      }
      try (Fd parent = directory(PathText.parent(clean), 0755)) {
        String name = PathText.name(clean);
        try {
          Fs.openAt(
                  parent,
                  name,
                  OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE | OpenFlag.NO_FOLLOW,
                  mode)
              .close();
        } catch (LinuxException e) {
          if (e.errno() != Errno.EEXIST) {
            throw new LinuxException("create", clean, e.errno());
          }
          Stat stat = Fs.lstatAt(parent, name);
          if (stat.isSymlink()) {
            clean = PathText.clean(follow(clean, Links.readLinkAt(parent, name)));
          }
        }
      }
    }
    throw new LinuxException("create", path, Errno.ELOOP);
  }

  /**
   * The file at a path whose directory is there, made empty if it is missing, for what the runtime
   * puts there of its own accord: no link of the image is followed, in any component.
   *
   * @throws LinuxException ELOOP if a component is a link
   */
  Fd fileWithoutLinks(String path, int mode) {
    String relative = PathText.clean(path).substring(1);
    int resolve = OpenFlag.RESOLVE_BENEATH | OpenFlag.RESOLVE_NO_SYMLINKS;
    try {
      return Fs.openResolved(root, relative, OpenFlag.PATH, 0, resolve);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
    }
    Fs.openResolved(
            root,
            relative,
            OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE | OpenFlag.NO_FOLLOW,
            mode,
            resolve)
        .close();
    return Fs.openResolved(root, relative, OpenFlag.PATH, 0, resolve);
  }
}
