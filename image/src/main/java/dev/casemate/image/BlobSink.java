package dev.casemate.image;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.oci.Descriptor;
import java.security.MessageDigest;
import java.util.function.BooleanSupplier;

/** Where a blob is written: hashed on the way, never longer than its descriptor says. */
final class BlobSink {
  private final Fd fd;
  private final String root;
  private final Descriptor descriptor;
  private final PullProgress progress;
  private final BooleanSupplier cancelled;
  private final MessageDigest hash = Digests.sha256();
  private long position;

  BlobSink(
      Fd fd, String root, Descriptor descriptor, PullProgress progress, BooleanSupplier cancelled) {
    this.fd = fd;
    this.root = root;
    this.descriptor = descriptor;
    this.progress = progress;
    this.cancelled = cancelled;
  }

  /** How much is there; a transfer that broke goes on here. */
  long position() {
    return position;
  }

  Descriptor descriptor() {
    return descriptor;
  }

  PullProgress progress() {
    return progress;
  }

  boolean isCancelled() {
    return cancelled.getAsBoolean();
  }

  /** Forgets what is there: the server cannot resume. */
  void restart() {
    hash.reset();
    position = 0;
    FileContent.truncate(fd, 0);
    FileContent.seek(fd, 0, 0);
    progress.transferred(descriptor.digest(), 0, descriptor.size());
  }

  void write(byte[] bytes, int offset, int length) {
    if (length > descriptor.size() - position) {
      throw StoreErrors.corrupt(
          "blob "
              + descriptor.digest()
              + " is longer than the "
              + descriptor.size()
              + " bytes that the manifest declares; the source is damaged or malicious");
    }
    try {
      fd.writeAll(bytes, offset, length);
    } catch (LinuxException e) {
      throw StoreErrors.of(e, root, "storing blob " + Digests.brief(descriptor.digest()));
    }
    hash.update(bytes, offset, length);
    position += length;
    progress.transferred(descriptor.digest(), position, descriptor.size());
  }

  void verify(String source) {
    if (position != descriptor.size()) {
      throw StoreErrors.corrupt(
          "blob "
              + descriptor.digest()
              + " from "
              + source
              + " ends after "
              + position
              + " of "
              + descriptor.size()
              + " bytes; the source is damaged");
    }
    String found = Digests.text(hash.digest());
    if (!found.equals(descriptor.digest())) {
      throw CasemateException.of(
          CasemateException.Kind.CORRUPT,
          "blob from "
              + source
              + " has digest "
              + found
              + ", expected "
              + descriptor.digest()
              + "; it was damaged or replaced in transit, try again or use another source");
    }
  }
}
