package dev.casemate.image;

import dev.casemate.archive.FdInputStream;
import dev.casemate.base.CasemateException;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import io.airlift.compress.zstd.ZstdInputStream;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/** The uncompressed bytes of a layer; what compression it has, its first bytes say. */
final class LayerStream {
  private static final int BUFFER = 128 * 1024;

  private LayerStream() {}

  /** Whether this media type is a layer that can be unpacked. */
  static boolean isSupported(String mediaType) {
    return switch (mediaType) {
      case "application/vnd.oci.image.layer.v1.tar",
          "application/vnd.oci.image.layer.v1.tar+gzip",
          "application/vnd.oci.image.layer.v1.tar+zstd",
          "application/vnd.oci.image.layer.nondistributable.v1.tar",
          "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
          "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
          "application/vnd.docker.image.rootfs.diff.tar",
          "application/vnd.docker.image.rootfs.diff.tar.gzip",
          "application/vnd.docker.image.rootfs.diff.tar.zstd",
          "application/vnd.docker.image.rootfs.foreign.diff.tar",
          "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
          "application/vnd.docker.image.rootfs.foreign.diff.tar.zstd",
          // Of old clients and registries; the first bytes and the diff_id tell what it is.
          "application/vnd.docker.container.image.rootfs.diff+x-gtar",
          "application/octet-stream",
          "" ->
          true;
      default -> false;
    };
  }

  static void verifySupported(String mediaType, String digest, String image) {
    if (!isSupported(mediaType)) {
      throw CasemateException.of(
          CasemateException.Kind.INVALID_ARGUMENT,
          "layer "
              + digest
              + " of image "
              + image
              + " has unsupported media type \""
              + mediaType
              + "\", expected a tar archive, plain or with gzip or zstd; build the image with one of"
              + " these");
    }
  }

  /** The uncompressed bytes from where a descriptor stands, {@code size} stored bytes long. */
  static InputStream open(Fd fd, long size) throws IOException {
    BufferedInputStream stored = new BufferedInputStream(new FdInputStream(fd, size, true), BUFFER);
    stored.mark(8);
    byte[] magic = stored.readNBytes(4);
    stored.reset();
    if (isGzip(magic)) {
      return new GzipStream(stored);
    }
    if (isZstd(magic)) {
      return new Zstd(new ZstdInputStream(new ZstdFrames(stored)));
    }
    return stored;
  }

  /** The decompressor says by unchecked exceptions of many kinds that its data are damaged. */
  private static final class Zstd extends FilterInputStream {
    Zstd(InputStream plain) {
      super(plain);
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      try {
        return super.read(bytes, offset, length);
      } catch (LinuxException e) {
        throw e;
      } catch (RuntimeException e) {
        throw new IOException("zstd data are damaged: " + e.getMessage(), e);
      }
    }

    @Override
    public long skip(long count) throws IOException {
      byte[] skipped = new byte[Math.clamp(count, 0, BUFFER)];
      return Math.max(0, read(skipped, 0, skipped.length));
    }
  }

  static boolean isGzip(byte[] magic) {
    return magic.length >= 2 && magic[0] == 0x1f && magic[1] == (byte) 0x8b;
  }

  static boolean isZstd(byte[] magic) {
    return magic.length >= 4
        && ((magic[0] == 0x28 && magic[1] == (byte) 0xb5 && magic[2] == 0x2f)
            || ((magic[0] & 0xf0) == 0x50 && magic[1] == 0x2a && magic[2] == 0x4d))
        && (magic[3] == (byte) 0xfd || magic[3] == 0x18);
  }
}
