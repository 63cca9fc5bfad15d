package dev.casemate.image;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Stat;
import dev.casemate.oci.ImageReference;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Names of images: one small file each, that says which manifest the name leads to. */
final class Refs {
  private static final int MAX_FILE = 64 * 1024;

  private final String root;

  Refs(String root) {
    this.root = root;
  }

  /**
   * A name.
   *
   * @param reference as users write it
   * @param top digest of what the name leads to: a manifest, or an index of such
   * @param manifest digest
   * @param seconds when it was stored, since the epoch
   */
  record Ref(String path, String reference, String top, String manifest, long seconds) {}

  /** Where the name of an image in a registry is kept: one folder a repository, one file a tag. */
  String registryPath(ImageReference reference) {
    String repository = (reference.registry() + "/" + reference.repository()).replace('/', '+');
    String file = reference.digest().map(d -> "@" + d).orElseGet(reference::manifestReference);
    return root + "/refs/registry/" + repository + "/" + file + ".json";
  }

  /** Archives are known by the file itself: when it changes, it is another one. */
  String archivePath(ImageArgument.Archive archive, Stat file) {
    String name =
        (archive.docker() ? "docker-" : "oci-")
            + file.filesystemMajor()
            + "-"
            + file.filesystemMinor()
            + "-"
            + file.inode()
            + "-"
            + file.size()
            + "-"
            + file.mtimeSeconds()
            + "-"
            + file.mtimeNanos()
            + "-"
            + archive.tag().replace('/', '+');
    // Room for ".json" and for the temporary name while it is written.
    if (name.length() > 200) {
      name = name.substring(0, 128) + Digests.of(name).substring(7);
    }
    return root + "/refs/local/" + name + ".json";
  }

  String layoutPath(ImageArgument.Layout layout) {
    return root + "/refs/local/" + Digests.of(layout.text()).substring(7) + ".json";
  }

  Optional<Ref> read(String path) {
    try {
      Json.Obj json = Json.parseObject(FileContent.readString(path, MAX_FILE));
      return Optional.of(
          new Ref(
              path,
              json.string("reference"),
              json.string("top"),
              json.string("manifest"),
              json.integer("seconds", 0)));
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR) {
        return Optional.empty();
      }
      throw e;
    } catch (CasemateException damaged) {
      // As good as absent: the image is looked up anew and the file replaced.
      return Optional.empty();
    }
  }

  void write(Ref ref) {
    FileTree.makeDirectories(ref.path().substring(0, ref.path().lastIndexOf('/')), 0700);
    String text =
        new Json.Obj()
            .put("reference", ref.reference())
            .put("top", ref.top())
            .put("manifest", ref.manifest())
            .put("seconds", ref.seconds())
            .pretty();
    FileContent.replace(ref.path(), text.getBytes(StandardCharsets.UTF_8), 0600);
  }

  /** All names, unsorted. */
  List<Ref> list() {
    List<Ref> refs = new ArrayList<>();
    for (String folder : folders()) {
      for (String file : listIfExists(folder)) {
        if (file.endsWith(".json")) {
          read(folder + "/" + file).ifPresent(refs::add);
        }
      }
    }
    return refs;
  }

  private List<String> folders() {
    List<String> folders = new ArrayList<>();
    folders.add(root + "/refs/local");
    for (String repository : listIfExists(root + "/refs/registry")) {
      folders.add(root + "/refs/registry/" + repository);
    }
    return folders;
  }

  private static List<String> listIfExists(String folder) {
    try {
      return Fs.list(folder);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return List.of();
      }
      throw e;
    }
  }

  void remove(Ref ref) {
    Fs.unlinkIfExists(ref.path());
    String folder = ref.path().substring(0, ref.path().lastIndexOf('/'));
    if (!folder.endsWith("/refs/local")) {
      try {
        Fs.removeDirectory(folder);
      } catch (LinuxException e) {
        // Other tags are left, or it is gone.
        return;
      }
    }
  }
}
