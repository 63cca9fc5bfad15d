package dev.casemate.image;

import dev.casemate.archive.ArchiveException;
import dev.casemate.archive.RootedExtractor;
import dev.casemate.archive.TarReader;
import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileSystem;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.oci.Descriptor;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.function.Predicate;

/** Applies an image's layers, lowest first, to an empty directory. */
final class Unpacker {
  /** More entries than any image has; a bomb of empty files would eat the disk's inodes. */
  private static final long MAX_ENTRIES = 4_000_000;

  /** What tar adds to the content of files, which has a limit of its own: headers and padding. */
  private static final long MAX_HEADERS = 8L << 30;

  /** Writers fill the last record with zeros; some have records of megabytes. */
  private static final long MAX_TRAILING = 16L << 20;

  /** Of the bytes of a layer, progress is told once in so many. */
  private static final long TELL_BYTES = 4L << 20;

  /** Memory for names: so much for any image, and so much for each stored byte of a layer. */
  private static final long FREE_NAMES = 16L << 20;

  private static final long NAMES_PER_BYTE = 16;

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
    long names = 0;
    long namesLimit = namesLimit(layers);
    long free = FileSystem.of(root).freeBytes();
    // The root file system is written beside the unpacked layers, so half of the space is for each.
    long limit = Math.min(maxBytes, free / 2);
    Fs.chmod(directory, 0755);
    try (Fd target = Fs.open(directory, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY)) {
      Fs.setTimesAt(target, ".", 0, 0);
      for (int i = 0; i < layers.size(); i++) {
        int number = i + 1;
        progress.unpack(number, layers.size());
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
            new RootedExtractor.Options(
                true, limit - bytes, MAX_ENTRIES - entries, namesLimit - names);
        try (RootedExtractor extractor = new RootedExtractor(target, options)) {
          apply(
              name,
              layer,
              diffIds.get(i),
              extractor,
              unpacked -> progress.unpacked(number, layers.size(), unpacked),
              e ->
                  limit < maxBytes
                      && e.entries() <= options.maxEntries()
                      && e.retainedBytes() <= options.maxRetainedBytes());
          bytes += extractor.bytes();
          entries += extractor.entries();
          names += extractor.retainedBytes();
        }
      }
    }
  }

  /** An honest layer stores more than a few bytes for each name. */
  static long namesLimit(List<Descriptor> layers) {
    long limit = FREE_NAMES;
    for (Descriptor layer : layers) {
      long most = RootedExtractor.Options.MAX_RETAINED_BYTES;
      limit = Math.min(most, limit + NAMES_PER_BYTE * Math.min(layer.size(), most));
    }
    return limit;
  }

  private void apply(
      String name,
      Descriptor layer,
      String diffId,
      RootedExtractor extractor,
      LongConsumer progress,
      Predicate<RootedExtractor> diskIsFull) {
    MessageDigest hash = Digests.sha256();
    try (Fd fd = Fs.open(blobs.path(layer.digest()), OpenFlag.READ_ONLY);
        BoundedStream plain =
            new BoundedStream(
                LayerStream.open(fd, layer.size()),
                // Gigabytes of zeros are few stored bytes: the content of files is bounded by what
                // its entries declare, which the extractor holds against the image's limit first.
                BoundedStream.limit(layer.size(), MAX_HEADERS),
                extractor::storedBytes);
        DigestInputStream hashed =
            new DigestInputStream(new Told(plain, TELL_BYTES, progress), hash)) {
      // The end marker may be missing: the digest tells a layer that was cut off.
      extractor.extract(new TarReader(new BufferedInputStream(hashed, 64 * 1024), false));
      plain.allow(MAX_TRAILING);
      byte[] rest = new byte[64 * 1024];
      int n = 0;
      while (n >= 0) {
        n = hashed.read(rest);
      }
    } catch (ArchiveException e) {
      throw explain(e, name, layer, diskIsFull.test(extractor));
    } catch (UncheckedIOException e) {
      if (e.getCause() instanceof BoundedStream.TooLong tooLong) {
        throw tooLong(name, tooLong);
      }
      throw damaged(name, layer, e);
    } catch (BoundedStream.TooLong e) {
      throw tooLong(name, e);
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

  private static CasemateException tooLong(String name, BoundedStream.TooLong e) {
    return CasemateException.of(
        Kind.RESOURCE_EXHAUSTED,
        name + " is refused: " + e.getMessage() + "; do not use this image",
        e);
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
        name + " is corrupt: " + reason(why) + "; build or push the image again",
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
                  root, "unpacking " + name + ", which temporarily needs twice its size")
              : CasemateException.of(
                  Kind.RESOURCE_EXHAUSTED,
                  name
                      + " is too large when unpacked: "
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
