package dev.casemate.image;

import dev.casemate.archive.FdInputStream;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Machine;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import dev.casemate.oci.Descriptor;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Content by digest, {@code blobs/sha256/<hex>}. A blob is there whole and verified, or not at all;
 * of two processes that want the same one, the second waits for the first.
 */
final class BlobStore {
  /** Manifests and configs are held in memory; registries limit them to this size as well. */
  static final int MAX_DOCUMENT = 4 << 20;

  private final String root;
  private final String folder;
  private final String temp;

  BlobStore(String root) {
    this.root = root;
    this.folder = root + "/blobs/sha256";
    this.temp = root + "/temp";
  }

  String path(String digest) {
    return folder + "/" + digest.substring("sha256:".length());
  }

  boolean has(Descriptor blob) {
    Optional<Stat> stat = Fs.statIfExists(path(blob.digest()));
    return stat.isPresent() && stat.get().isRegular() && stat.get().size() == blob.size();
  }

  /** Fetches a blob unless it is there. */
  void fetch(
      ImageSource source, Descriptor blob, PullProgress progress, BooleanSupplier cancelled) {
    if (!has(blob)) {
      progress.begin(blob.digest(), blob.size());
      try (TempEntry entry = TempEntry.file(temp, blob.hex() + ".blob")) {
        if (!has(blob)) {
          BlobSink sink = new BlobSink(entry.fd(), root, blob, progress, cancelled);
          source.fetch(blob, sink);
          sink.verify(source.name());
          entry.moveTo(path(blob.digest()));
        }
      } catch (LinuxException e) {
        throw StoreErrors.of(e, root, "storing blob " + Digests.brief(blob.digest()));
      }
    }
    progress.complete(blob.digest());
  }

  /** Stores a small document under its digest. */
  void put(byte[] document, String digest) {
    if (Fs.exists(path(digest))) {
      return;
    }
    try (TempEntry entry = TempEntry.file(temp, digest.substring(7) + ".blob")) {
      entry.fd().writeAll(document);
      entry.moveTo(path(digest));
    } catch (LinuxException e) {
      throw StoreErrors.of(e, root, "storing " + Digests.brief(digest));
    }
  }

  /** Stores a stream whose digest is not known yet. */
  Descriptor ingest(InputStream in, String mediaType) {
    MessageDigest hash = Digests.sha256();
    byte[] chunk = new byte[64 * 1024];
    long size = 0;
    try (TempEntry entry = TempEntry.file(temp, Machine.randomHex(8) + ".ingest")) {
      while (true) {
        int n = in.read(chunk, 0, chunk.length);
        if (n < 0) {
          break;
        }
        hash.update(chunk, 0, n);
        entry.fd().writeAll(chunk, 0, n);
        size += n;
      }
      Descriptor blob = Descriptor.of(mediaType, Digests.text(hash.digest()), size);
      if (!has(blob)) {
        entry.moveTo(path(blob.digest()));
      }
      return blob;
    } catch (LinuxException e) {
      throw StoreErrors.of(e, root, "storing a layer");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A manifest or config that is in the store, verified again. */
  byte[] document(String digest) {
    try {
      byte[] content = FileContent.readBytes(path(digest), MAX_DOCUMENT);
      if (Digests.of(content).equals(digest)) {
        return content;
      }
    } catch (LinuxException e) {
      throw StoreErrors.of(e, root, "reading " + Digests.brief(digest));
    }
    Fs.unlinkIfExists(path(digest));
    throw StoreErrors.corrupt(
        "blob " + digest + " in image store " + root + " is damaged and was removed; pull again");
  }

  /** Whether a stored blob still has its digest; one that does not is removed. */
  boolean verify(Descriptor blob) {
    MessageDigest hash = Digests.sha256();
    byte[] chunk = new byte[64 * 1024];
    try (Fd fd = Fs.open(path(blob.digest()), OpenFlag.READ_ONLY);
        InputStream in = new FdInputStream(fd)) {
      while (true) {
        int n = in.read(chunk, 0, chunk.length);
        if (n < 0) {
          break;
        }
        hash.update(chunk, 0, n);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    boolean same = Digests.text(hash.digest()).equals(blob.digest());
    if (!same) {
      Fs.unlinkIfExists(path(blob.digest()));
    }
    return same;
  }
}
