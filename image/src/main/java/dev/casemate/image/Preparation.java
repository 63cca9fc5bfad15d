package dev.casemate.image;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileSystem;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.oci.Descriptor;
import dev.casemate.oci.ImageConfig;
import dev.casemate.oci.ImageIndex;
import dev.casemate.oci.ImageManifest;
import dev.casemate.oci.Platform;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** The way of an image from its source to a root file system in the store. */
final class Preparation {
  private static final int MAX_RECORD = 16 << 20;
  private static final int MAX_NESTING = 4;

  /** Overlay file systems take some hundreds; each costs a pass, though it may be the same blob. */
  static final int MAX_LAYERS = 1000;

  private final String root;
  private final BlobStore blobs;
  private final long maxBytes;

  Preparation(String root, BlobStore blobs, long maxBytes) {
    this.root = root;
    this.blobs = blobs;
    this.maxBytes = maxBytes;
  }

  private static String recordPath(String root, String digest) {
    Descriptor.verifyDigest(digest);
    return root + "/images/" + digest.substring(7) + ".json";
  }

  /** The record of a manifest, or of an index by way of the manifest that was chosen from it. */
  static Optional<PreparedImage> read(String root, String digest) {
    try {
      Json.Obj json =
          Json.parseObject(FileContent.readString(recordPath(root, digest), MAX_RECORD));
      String alias = json.string("alias");
      if (!alias.isEmpty()) {
        json = Json.parseObject(FileContent.readString(recordPath(root, alias), MAX_RECORD));
      }
      return Optional.of(PreparedImage.parse(json));
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR) {
        return Optional.empty();
      }
      throw e;
    } catch (CasemateException damaged) {
      // As good as absent: it is made anew.
      return Optional.empty();
    }
  }

  /** Writes the record, and for an image out of an index the way from there. */
  void remember(PreparedImage image, ImageSource.Document top) {
    if (!top.digest().equals(image.manifest())) {
      write(recordPath(root, top.digest()), new Json.Obj().put("alias", image.manifest()));
      blobs.put(top.content(), top.digest());
    }
  }

  private static void write(String path, Json.Obj json) {
    FileContent.replace(path, json.pretty().getBytes(StandardCharsets.UTF_8), 0600);
  }

  /** Follows indexes to the manifest for this machine. */
  ImageSource.Document manifest(ImageSource source, ImageSource.Document top) {
    ImageSource.Document document = top;
    for (int depth = 0; depth < MAX_NESTING; depth++) {
      Json.Obj json = parse(source, document);
      String type =
          document.mediaType().isEmpty() ? json.string("mediaType") : document.mediaType();
      switch (kind(type, json)) {
        case INDEX ->
            document =
                source.document(ImageIndex.parse(json).select(Platform.LINUX_AMD64, source.name()));
        case MANIFEST -> {
          return document;
        }
        case UNKNOWN ->
            throw CasemateException.of(
                Kind.INVALID_ARGUMENT,
                "image "
                    + source.name()
                    + " has a manifest of unsupported media type \""
                    + type
                    + "\", expected an OCI or Docker version 2 manifest or index; push it again with"
                    + " a current tool");
      }
    }
    throw StoreErrors.corrupt(
        "image "
            + source.name()
            + " nests indexes deeper than "
            + MAX_NESTING
            + "; rebuild the image");
  }

  private enum DocumentKind {
    INDEX,
    MANIFEST,
    UNKNOWN
  }

  private static DocumentKind kind(String type, Json.Obj json) {
    return switch (type) {
      case ImageIndex.OCI, ImageIndex.DOCKER -> DocumentKind.INDEX;
      case ImageManifest.OCI, ImageManifest.DOCKER -> DocumentKind.MANIFEST;
      case "", "application/json", "application/octet-stream", "text/plain" ->
          json.has("manifests")
              ? DocumentKind.INDEX
              : json.has("config") ? DocumentKind.MANIFEST : DocumentKind.UNKNOWN;
      default -> DocumentKind.UNKNOWN;
    };
  }

  private static Json.Obj parse(ImageSource source, ImageSource.Document document) {
    try {
      return Json.parseObject(new String(document.content(), StandardCharsets.UTF_8));
    } catch (CasemateException e) {
      throw StoreErrors.corrupt(
          "manifest "
              + document.digest()
              + " of image "
              + source.name()
              + " is damaged: "
              + e.getMessage());
    }
  }

  PreparedImage prepare(ImageSource source, ImageSource.Document document, PullProgress progress) {
    String name = source.name();
    ImageManifest manifest = ImageManifest.parse(parse(source, document));
    verify(name, manifest);
    blobs.put(document.content(), document.digest());
    long bytes = 0;
    long missing = 0;
    for (Descriptor layer : manifest.layers()) {
      if (layer.size() > maxBytes - bytes) {
        throw CasemateException.of(
            Kind.RESOURCE_EXHAUSTED,
            "image "
                + name
                + " declares layers of more than "
                + StoreErrors.mib(maxBytes)
                + " MiB, which is the limit; use a smaller image");
      }
      bytes += layer.size();
      missing += blobs.has(layer) ? 0 : layer.size();
    }
    if (missing > FileSystem.of(root).freeBytes()) {
      throw StoreErrors.noSpace(
          root, "fetching image " + name + " of " + StoreErrors.mib(bytes) + " MiB");
    }
    progress.image(name, manifest.layers().size(), bytes);
    new ParallelFetch(source, blobs, root, progress).run(manifest);
    ImageConfig config = config(name, manifest.config());
    if (config.diffIds().size() != manifest.layers().size()) {
      throw StoreErrors.corrupt(
          "image "
              + name
              + " has "
              + manifest.layers().size()
              + " layers, but its config lists "
              + config.diffIds().size()
              + "; rebuild the image");
    }
    String chain = PreparedImage.chain(config.diffIds());
    long size = build(name, manifest.layers(), config.diffIds(), chain, progress);
    PreparedImage image =
        new PreparedImage(
            document.digest(), manifest.config(), manifest.layers(), chain, size, config);
    write(recordPath(root, document.digest()), image.json());
    return image;
  }

  private static void verify(String name, ImageManifest manifest) {
    String type = manifest.config().mediaType();
    if (!ImageConfig.isMediaType(type)) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          name
              + " is not a container image: its config has media type \""
              + type
              + "\", expected \""
              + ImageConfig.OCI
              + "\"; use a container image");
    }
    if (manifest.config().size() > BlobStore.MAX_DOCUMENT) {
      throw StoreErrors.corrupt(
          "config of image "
              + name
              + " has "
              + manifest.config().size()
              + " bytes, expected at most "
              + BlobStore.MAX_DOCUMENT);
    }
    if (manifest.layers().size() > MAX_LAYERS) {
      throw StoreErrors.corrupt(
          "image "
              + name
              + " has "
              + manifest.layers().size()
              + " layers, expected at most "
              + MAX_LAYERS);
    }
    for (Descriptor layer : manifest.layers()) {
      LayerStream.verifySupported(layer.mediaType(), layer.digest(), name);
    }
  }

  private ImageConfig config(String name, Descriptor blob) {
    ImageConfig config;
    try {
      config =
          ImageConfig.parse(
              Json.parseObject(new String(blobs.document(blob.digest()), StandardCharsets.UTF_8)));
    } catch (CasemateException e) {
      throw StoreErrors.corrupt("config of image " + name + " is damaged: " + e.getMessage());
    }
    Platform platform = config.platform();
    if (!platform.isUnsaid() && !platform.runsOn(Platform.LINUX_AMD64)) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "image "
              + name
              + " is for "
              + platform.text()
              + ", expected "
              + Platform.LINUX_AMD64.text()
              + "; choose another image");
    }
    for (String diffId : config.diffIds()) {
      Descriptor.verifyDigest(diffId);
    }
    return config;
  }

  /** Makes the root file system unless it is there; returns its size in bytes. */
  private long build(
      String name,
      List<Descriptor> layers,
      List<String> diffIds,
      String chain,
      PullProgress progress) {
    String target = root + "/erofs/" + chain + ".erofs";
    if (!Fs.exists(target)) {
      try (TempEntry work = TempEntry.directory(root + "/temp", chain + ".erofs")) {
        if (!Fs.exists(target)) {
          String tree = work.path() + "/root";
          Fs.makeDirectory(tree, 0755);
          new Unpacker(root, blobs, maxBytes).unpack(name, layers, diffIds, tree, progress);
          progress.build();
          String image = work.path() + "/image";
          ErofsBuilder.build(tree, image, chain, work.path(), root);
          try (Fd fd = Fs.open(image, OpenFlag.READ_ONLY)) {
            Fs.chmod(fd, 0600);
            FileContent.sync(fd);
          }
          Fs.rename(image, target);
        }
      } catch (LinuxException e) {
        throw StoreErrors.of(e, root, "creating the root file system of image " + name);
      }
    }
    return Fs.stat(target).size();
  }

  /** The root file system as a directory. */
  String directory(String name, PreparedImage image, PullProgress progress) {
    String target = root + "/rootfs/" + image.chain();
    try (TempEntry work = TempEntry.directory(root + "/temp", image.chain() + ".rootfs")) {
      if (!Fs.exists(target)) {
        String tree = work.path() + "/root";
        Fs.makeDirectory(tree, 0755);
        new Unpacker(root, blobs, maxBytes)
            .unpack(name, image.layers(), image.config().diffIds(), tree, progress);
        Fs.rename(tree, target);
      }
    }
    return target;
  }
}
