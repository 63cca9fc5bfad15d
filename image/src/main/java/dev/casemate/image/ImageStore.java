package dev.casemate.image;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import dev.casemate.oci.Descriptor;
import dev.casemate.oci.ImageReference;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The images on this machine. Several processes may use one store at once: each blob and each root
 * file system is created by one of them while the others wait, and appears completely or not at
 * all.
 *
 * <pre>
 * refs/       a name leads to a manifest
 * images/     what a start must know of a manifest, one small file each
 * erofs/      root file systems, named by their content
 * rootfs/     the same as directories, made on demand
 * blobs/      manifests, configs and layers by digest
 * temp/       what is in the making
 * </pre>
 *
 * <p>All errors are {@link CasemateException}s of one line.
 */
public final class ImageStore {
  public static final String DEFAULT_ROOT = "/var/lib/casemate/images";

  private final String root;
  private final RegistryOptions registry;
  private final Map<String, String> environment;
  private final Consumer<String> warnings;
  private final Refs refs;
  private final BlobStore blobs;

  ImageStore(String root, RegistryOptions registry, Map<String, String> environment) {
    this(root, registry, environment, _ -> {});
  }

  ImageStore(
      String root,
      RegistryOptions registry,
      Map<String, String> environment,
      Consumer<String> warnings) {
    this.root = root;
    this.warnings = warnings;
    this.registry = registry;
    this.environment = environment;
    this.refs = new Refs(root);
    this.blobs = new BlobStore(root);
  }

  /**
   * A store in a directory, which is created with the first image. Reads nothing yet.
   *
   * @param warnings receives sentences about problems that do not prevent the store from working
   */
  public static ImageStore open(String root, RegistryOptions registry, Consumer<String> warnings) {
    return new ImageStore(root, registry, System.getenv(), warnings);
  }

  /**
   * An image in the store.
   *
   * @param name as {@link #resolve} accepts it
   * @param compressedBytes of its layers
   * @param erofsBytes of its root file system
   * @param seconds when it was stored, since the epoch
   */
  public record Stored(
      String name, String digest, long compressedBytes, long erofsBytes, long seconds) {}

  /**
   * Finds an image and brings it into the store if need be, ready to run. For one that is there
   * already this reads two small files.
   *
   * @param image a reference ({@code busybox:1.36}), {@code oci:DIR[:TAG]}, {@code
   *     oci-archive:FILE[:TAG]}, {@code docker-archive:FILE[:REF]} or {@code rootfs:DIR}
   */
  public Image resolve(String image, PullPolicy policy, PullProgress progress) {
    try {
      StoreModes.repair(root, warnings);
      return switch (ImageArgument.parse(image)) {
        case ImageArgument.Directory plain -> Image.plain(image, plain.directory());
        case ImageArgument.Registry named -> fromRegistry(named.reference(), policy, progress);
        case ImageArgument.Layout layout -> fromLayout(layout, progress);
        case ImageArgument.Archive archive -> fromArchive(archive, progress);
      };
    } catch (LinuxException e) {
      throw StoreErrors.of(e, root, "resolving image " + image);
    }
  }

  private Image fromRegistry(ImageReference reference, PullPolicy policy, PullProgress progress) {
    String path = refs.registryPath(reference);
    String name = reference.text();
    if (policy != PullPolicy.ALWAYS) {
      Optional<PreparedImage> there = refs.read(path).flatMap(ref -> prepared(ref.manifest()));
      if (there.isPresent()) {
        return Image.stored(name, this, there.get());
      }
    }
    if (policy == PullPolicy.NEVER) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "image "
              + name
              + " is not in store "
              + root
              + " and pulling is turned off; pull it first with \"casemate pull\"");
    }
    return Image.stored(
        name,
        this,
        bring(
            () -> new RegistrySource(reference, registry, environment, progress),
            path,
            name,
            progress));
  }

  private Image fromLayout(ImageArgument.Layout layout, PullProgress progress) {
    String name = layout.text();
    Descriptor descriptor;
    try (LayoutSource source = layoutSource(layout)) {
      descriptor = source.descriptor();
    }
    Optional<PreparedImage> there = prepared(descriptor.digest());
    if (there.isPresent()) {
      return Image.stored(name, this, there.get());
    }
    return Image.stored(
        name, this, bring(() -> layoutSource(layout), refs.layoutPath(layout), name, progress));
  }

  private static LayoutSource layoutSource(ImageArgument.Layout layout) {
    Fd directory;
    try {
      directory = Fs.open(layout.directory(), OpenFlag.READ_ONLY | OpenFlag.DIRECTORY);
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "image "
              + layout.text()
              + " cannot be read: "
              + e.getMessage()
              + "; expected the directory of an OCI image layout",
          e);
    }
    return new LayoutSource(layout.text(), layout.tag(), FileSet.directory(directory));
  }

  private Image fromArchive(ImageArgument.Archive archive, PullProgress progress) {
    String name = archive.text();
    Stat file = Fs.stat(archive.file());
    if (!file.isRegular()) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "image " + name + " is not a file; give an archive, or a directory with \"oci:\"");
    }
    String path = refs.archivePath(archive, file);
    Optional<PreparedImage> there = refs.read(path).flatMap(ref -> prepared(ref.manifest()));
    if (there.isPresent()) {
      return Image.stored(name, this, there.get());
    }
    return Image.stored(name, this, bring(() -> archiveSource(archive), path, name, progress));
  }

  private ImageSource archiveSource(ImageArgument.Archive archive) {
    FileSet files = ArchiveFiles.open(archive.file(), root, registry.maxBytes());
    return archive.docker()
        ? new DockerArchiveSource(archive.text(), archive.tag(), files, blobs)
        : new LayoutSource(archive.text(), archive.tag(), files);
  }

  private interface SourceOpener {
    ImageSource open();
  }

  private PreparedImage bring(
      SourceOpener opener, String refPath, String name, PullProgress progress) {
    makeFolders();
    // Shared: many may add at once; a sweep has to wait.
    try (Fd lock = lockFile()) {
      Fs.lock(lock, false, true);
      TempEntry.clean(root + "/temp");
      try (ImageSource source = opener.open()) {
        Preparation preparation = new Preparation(root, blobs, registry.maxBytes());
        ImageSource.Document top = source.top();
        ImageSource.Document manifest = preparation.manifest(source, top);
        PreparedImage ready =
            prepared(manifest.digest())
                .orElseGet(() -> preparation.prepare(source, manifest, progress));
        preparation.remember(ready, top);
        for (Refs.Ref old : refs.list()) {
          // An archive that was replaced is known by another file name now.
          if (old.reference().equals(name) && !old.path().equals(refPath)) {
            refs.remove(old);
          }
        }
        refs.write(
            new Refs.Ref(
                refPath, name, top.digest(), manifest.digest(), System.currentTimeMillis() / 1000));
        return ready;
      }
    }
  }

  private void makeFolders() {
    FileTree.makeDirectories(root, 0700);
    StoreModes.repair(root, warnings);
    // Images hold secrets, set-id programs and other people's files: for root alone.
    for (String folder :
        List.of(
            "refs/registry", "refs/local", "images", "erofs", "blobs/sha256", "temp", "rootfs")) {
      FileTree.makeDirectories(root + "/" + folder, 0700);
    }
  }

  private Fd lockFile() {
    return Fs.open(root + "/store.lock", OpenFlag.READ_WRITE | OpenFlag.CREATE, 0600);
  }

  /** The record of a manifest, or of an index that leads to one; only if it can be run as it is. */
  private Optional<PreparedImage> prepared(String digest) {
    return Preparation.read(root, digest)
        .filter(
            image ->
                Fs.statIfExists(erofsPath(image.chain()))
                    .filter(stat -> stat.size() == image.erofsBytes())
                    .isPresent());
  }

  String erofsPath(String chain) {
    return root + "/erofs/" + chain + ".erofs";
  }

  String directory(String name, PreparedImage image, PullProgress progress) {
    try {
      if (Fs.exists(root + "/rootfs/" + image.chain())) {
        return root + "/rootfs/" + image.chain();
      }
      makeFolders();
      try (Fd lock = lockFile()) {
        Fs.lock(lock, false, true);
        TempEntry.clean(root + "/temp");
        return new Preparation(root, blobs, registry.maxBytes()).directory(name, image, progress);
      }
    } catch (LinuxException e) {
      throw StoreErrors.of(e, root, "unpacking image " + name);
    }
  }

  /** The images of the store by name. */
  public List<Stored> list() {
    List<Stored> images = new ArrayList<>();
    try {
      StoreModes.repair(root, warnings);
      for (Refs.Ref ref : refs.list()) {
        Optional<PreparedImage> image = Preparation.read(root, ref.manifest());
        images.add(
            new Stored(
                ref.reference(),
                ref.manifest(),
                image.map(PreparedImage::compressedBytes).orElse(0L),
                image.map(PreparedImage::erofsBytes).orElse(0L),
                ref.seconds()));
      }
    } catch (LinuxException e) {
      throw StoreErrors.of(e, root, "listing images");
    }
    images.sort(Comparator.comparing(Stored::name));
    return images;
  }

  /** The stored names that the user means by a name, a digest or the start of one. */
  private List<Refs.Ref> find(String image) {
    List<Refs.Ref> all = refs.list();
    List<Refs.Ref> found = new ArrayList<>();
    String name = image;
    try {
      name =
          switch (ImageArgument.parse(image)) {
            case ImageArgument.Registry named -> named.reference().text();
            case ImageArgument.Layout layout -> layout.text();
            case ImageArgument.Archive archive -> archive.text();
            case ImageArgument.Directory directory -> image;
          };
    } catch (CasemateException e) {
      // A path that is gone, or a bare digest: compare as it stands.
      name = image;
    }
    for (Refs.Ref ref : all) {
      if (ref.reference().equals(name) || ref.reference().equals(image)) {
        found.add(ref);
      }
    }
    if (!found.isEmpty()) {
      return found;
    }
    String hex = image.startsWith("sha256:") ? image.substring(7) : image;
    String only = "";
    for (Refs.Ref ref : all) {
      if (hex.length() >= 6 && ref.manifest().startsWith("sha256:" + hex)) {
        if (!only.isEmpty() && !only.equals(ref.manifest())) {
          throw CasemateException.of(
              Kind.INVALID_ARGUMENT,
              "image digest " + hex + " matches several images; give more digits");
        }
        only = ref.manifest();
        found.add(ref);
      }
    }
    if (found.isEmpty()) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "no such image: " + image + " in store " + root + "; list them with: casemate images");
    }
    return found;
  }

  /**
   * Removes an image's name, and what no other name needs: blobs and root file systems. Those that
   * a VM holds a lock on stay until a later call.
   *
   * @return the names that were removed
   */
  public List<String> remove(String image) {
    try {
      StoreModes.repair(root, warnings);
      List<String> names = new ArrayList<>();
      for (Refs.Ref ref : find(image)) {
        refs.remove(ref);
        names.add(ref.reference());
      }
      sweep();
      return names;
    } catch (LinuxException e) {
      throw StoreErrors.of(e, root, "removing image " + image);
    }
  }

  /** Removes what no name needs and what dead processes left; does nothing while images arrive. */
  public void sweep() {
    if (!Fs.exists(root + "/store.lock")) {
      return;
    }
    try (Fd lock = lockFile()) {
      if (Fs.lock(lock, true, false)) {
        TempEntry.clean(root + "/temp");
        new Sweep(root, refs.list()).run();
      }
    }
  }

  /** All that the store knows about an image, as JSON. */
  public Json.Obj inspect(String image) {
    try {
      StoreModes.repair(root, warnings);
      Refs.Ref ref = find(image).getFirst();
      Json.Obj json =
          new Json.Obj()
              .put("name", ref.reference())
              .put("digest", ref.manifest())
              .put("index", ref.top())
              .put("stored", ref.seconds());
      Optional<PreparedImage> prepared = Preparation.read(root, ref.manifest());
      if (prepared.isPresent()) {
        PreparedImage p = prepared.get();
        json.put("erofs", erofsPath(p.chain()))
            .put("erofsBytes", p.erofsBytes())
            .put("compressedBytes", p.compressedBytes())
            .put("layers", p.json().fields().getOrDefault("layers", new Json.Null()))
            .put(
                "config",
                Json.parse(
                    new String(blobs.document(p.configBlob().digest()), StandardCharsets.UTF_8)));
      }
      return json;
    } catch (LinuxException e) {
      throw StoreErrors.of(e, root, "inspecting image " + image);
    }
  }
}
