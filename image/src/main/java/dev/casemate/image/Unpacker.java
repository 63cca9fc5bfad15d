package dev.casemate.image;

import dev.casemate.archive.ArchiveException;
import dev.casemate.archive.RootedExtractor;
import dev.casemate.archive.TarReader;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.oci.CasemateException;
import dev.casemate.oci.CasemateException.Kind;
import dev.casemate.oci.Descriptor;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.List;
import java.util.function.Predicate;

/** Applies an image's layers, lowest first, to an empty directory. */
final class Unpacker {
  /** More entries than any image has; a bomb of empty files would eat the disk's inodes. */
  private static final long MAX_ENTRIES = 4_000_000;

  private final String root;
  private final BlobStore blobs;
  private final long maxBytes;

  Unpacker(String root, BlobStore blobs, long maxBytes) {
    this.root = root;
    this.blobs = blobs;
    this.maxBytes = maxBytes;
  }

  void unpack(
      String image,
      List<Descriptor> layers,
      List<String> diffIds,
      String directory,
      PullProgress progress) {
    long bytes = 0;
    long entries = 0;
    long free = Fs.space(root)[0];
    // The root file system is written beside the unpacked layers, so half of the space is for each.
    long limit = Math.min(maxBytes, free / 2);
    Fs.chmod(directory, 0755);
    try (Fd target = Fs.open(directory, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY)) {
      Fs.setTimesAt(target, ".", 0, 0);
      for (int i = 0; i < layers.size(); i++) {
        progress.unpack(i + 1, layers.size());
        Descriptor layer = layers.get(i);
        String name =
            "layer "
                + (i + 1)
                + " of "
                + layers.size()
                + " ("
                + Digests.brief(layer.digest())
                + "…) of image "
                + image;
        RootedExtractor.Options options =
            new RootedExtractor.Options(true, limit - bytes, MAX_ENTRIES - entries);
        try (RootedExtractor extractor = new RootedExtractor(target, options)) {
          apply(
              name,
              layer,
              diffIds.get(i),
              extractor,
              e -> limit < maxBytes && e.entries() <= options.maxEntries());
          bytes += extractor.bytes();
          entries += extractor.entries();
        }
      }
    }
  }

  private void apply(
      String name,
      Descriptor layer,
      String diffId,
      RootedExtractor extractor,
      Predicate<RootedExtractor> diskIsFull) {
    MessageDigest hash = Digests.sha256();
    try (Fd fd = Fs.open(blobs.path(layer.digest()), OpenFlag.READ_ONLY);
        InputStream plain = LayerStream.open(fd, layer.size());
        DigestInputStream hashed = new DigestInputStream(plain, hash)) {
      // The end marker may be missing: the digest tells a layer that was cut off.
      extractor.extract(new TarReader(new BufferedInputStream(hashed, 64 * 1024), false));
      byte[] rest = new byte[64 * 1024];
      int n = 0;
      while (n >= 0) {
        n = hashed.read(rest);
      }
    } catch (ArchiveException e) {
      throw explain(e, name, layer, diskIsFull.test(extractor));
    } catch (UncheckedIOException e) {
      throw damaged(name, layer, e);
    } catch (IOException e) {
      throw damaged(name, layer, e);
    } catch (LinuxException e) {
      throw StoreErrors.of(e, root, "unpacking " + name);
    } catch (RuntimeException e) {
      if (e instanceof CasemateException) {
        throw e;
      }
      // The zstd decompressor's own unchecked exceptions.
      throw damaged(name, layer, e);
    }
    String found = Digests.text(hash.digest());
    if (!found.equals(diffId)) {
      throw damaged(
          name,
          layer,
          new IOException("its content has digest " + found + ", expected diff_id " + diffId));
    }
  }

  /** A blob that changed on the disk is taken away, so that the next pull fetches it again. */
  private CasemateException damaged(String name, Descriptor layer, Exception why) {
    if (!blobs.verify(layer)) {
      return StoreErrors.corrupt(
          name
              + " was damaged on the disk of image store "
              + root
              + " and has been removed; pull again");
    }
    return CasemateException.of(
        Kind.CORRUPT,
        name + " is corrupt: " + reason(why) + "; the image must be built or pushed anew",
        why);
  }

  private static String reason(Exception why) {
    Throwable cause = why instanceof UncheckedIOException ? why.getCause() : why;
    String message = cause == null ? null : cause.getMessage();
    return message == null ? why.getClass().getSimpleName() : message;
  }

  private CasemateException explain(
      ArchiveException e, String name, Descriptor layer, boolean diskIsFull) {
    return switch (e.reason()) {
      case MALFORMED -> damaged(name, layer, e);
      case REFUSED ->
          CasemateException.of(
              Kind.INVALID_ARGUMENT,
              name + " is refused: " + e.getMessage() + "; do not use this image",
              e);
      case TOO_LARGE ->
          diskIsFull
              ? StoreErrors.noSpace(
                  root, "unpacking " + name + ", which needs its size twice for a moment")
              : CasemateException.of(
                  Kind.RESOURCE_EXHAUSTED,
                  name
                      + " unpacks to too much: "
                      + e.getMessage()
                      + "; at most "
                      + StoreErrors.mib(maxBytes)
                      + " MiB and "
                      + MAX_ENTRIES
                      + " entries are allowed",
                  e);
    };
  }
}
