package dev.casemate.image;

import dev.casemate.archive.FdInputStream;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import java.util.Optional;

/** Files by relative name, in a directory or in an archive. */
interface FileSet extends AutoCloseable {

  /** A file's content: the descriptor stands at its first byte. */
  record Content(Fd fd, long size) implements AutoCloseable {
    FdInputStream stream() {
      return new FdInputStream(fd, size, true);
    }

    @Override
    public void close() {
      fd.close();
    }
  }

  Optional<Content> open(String name);

  @Override
  void close();

  /** Reads a small file. */
  default Optional<byte[]> read(String name) {
    try (Content content = open(name).orElse(null)) {
      if (content == null) {
        return Optional.empty();
      }
      if (content.size() > BlobStore.MAX_DOCUMENT) {
        throw StoreErrors.corrupt(
            "file "
                + name
                + " has "
                + content.size()
                + " bytes, expected at most "
                + BlobStore.MAX_DOCUMENT
                + "; it is not an image manifest or config");
      }
      byte[] bytes = new byte[(int) content.size()];
      int at = 0;
      while (at < bytes.length) {
        int n = content.fd().read(bytes, at, bytes.length - at);
        if (n < 0) {
          throw StoreErrors.corrupt("file " + name + " is truncated at " + at + " bytes");
        }
        at += n;
      }
      return Optional.of(bytes);
    }
  }

  /** The files below a directory; only regular ones, none outside. */
  static FileSet directory(Fd directory) {
    return new FileSet() {
      @Override
      public Optional<Content> open(String name) {
        // As a place first: opening a FIFO would wait, and opening a device may wake it.
        try (Fd place = Fs.openIn(directory, name, OpenFlag.PATH, 0)) {
          Stat stat = Fs.stat(place);
          return stat.isRegular()
              ? Optional.of(new Content(Fs.open(place.procPath(), OpenFlag.READ_ONLY), stat.size()))
              : Optional.empty();
        } catch (LinuxException e) {
          if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR) {
            return Optional.empty();
          }
          throw e;
        }
      }

      @Override
      public void close() {
        directory.close();
      }
    };
  }
}
