package dev.casemate.image;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.oci.Descriptor;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Removes what no name leads to; runs alone, under the store's exclusive lock. */
final class Sweep {
  private final String root;
  private final Set<String> blobs = new HashSet<>();
  private final Set<String> records = new HashSet<>();
  private final Set<String> chains = new HashSet<>();

  Sweep(String root, List<Refs.Ref> refs) {
    this.root = root;
    for (Refs.Ref ref : refs) {
      for (String digest : List.of(ref.top(), ref.manifest())) {
        blobs.add(hex(digest));
        records.add(hex(digest) + ".json");
        Optional<PreparedImage> image = Preparation.read(root, digest);
        if (image.isPresent()) {
          blobs.add(image.get().configBlob().hex());
          for (Descriptor layer : image.get().layers()) {
            blobs.add(layer.hex());
          }
          chains.add(image.get().chain());
        }
      }
    }
  }

  private static String hex(String digest) {
    return digest.substring(digest.indexOf(':') + 1);
  }

  void run() {
    for (String name : Fs.list(root + "/images")) {
      if (!records.contains(name)) {
        Fs.unlinkIfExists(root + "/images/" + name);
      }
    }
    for (String name : Fs.list(root + "/blobs/sha256")) {
      if (!blobs.contains(name)) {
        Fs.unlinkIfExists(root + "/blobs/sha256/" + name);
      }
    }
    for (String name : Fs.list(root + "/erofs")) {
      if (!name.endsWith(".erofs") || !chains.contains(name.substring(0, name.length() - 6))) {
        removeUnlessHeld(root + "/erofs/" + name);
      }
    }
    for (String name : Fs.list(root + "/rootfs")) {
      if (!chains.contains(name)) {
        removeUnlessHeld(root + "/rootfs/" + name);
      }
    }
  }

  private void removeUnlessHeld(String path) {
    try (Fd fd = Fs.open(path, OpenFlag.READ_ONLY | OpenFlag.NO_FOLLOW)) {
      if (Fs.lock(fd, true, false)) {
        // A tree is moved away first: half of one must never be taken for the whole.
        String doomed = root + "/temp/" + path.substring(path.lastIndexOf('/') + 1) + ".doomed";
        Fs.rename(path, doomed);
        FileTree.removeTree(doomed);
      }
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
    }
  }
}
