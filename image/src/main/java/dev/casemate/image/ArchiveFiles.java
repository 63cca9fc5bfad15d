package dev.casemate.image;

import dev.casemate.archive.ArchiveException;
import dev.casemate.archive.FdInputStream;
import dev.casemate.archive.TarEntry;
import dev.casemate.archive.TarReader;
import dev.casemate.base.CasemateException;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileSystem;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Machine;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Text;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The files of a tar archive, found by one pass over its headers. An archive that is compressed as
 * a whole is decompressed into the store's temporary folder first.
 */
final class ArchiveFiles implements FileSet {
  private static final int MAX_FILES = 100_000;
  private static final int MAX_NAMES = 16 << 20;

  private record Place(long offset, long size) {}

  private final String path;
  private final Optional<TempEntry> plain;
  private final Map<String, Place> files = new HashMap<>();
  private final Map<String, String> links = new HashMap<>();

  private ArchiveFiles(String path, Optional<TempEntry> plain) {
    this.path = path;
    this.plain = plain;
  }

  static ArchiveFiles open(String archive, String root, long maxBytes) {
    Optional<TempEntry> plain = decompress(archive, root, maxBytes);
    ArchiveFiles files = new ArchiveFiles(plain.map(TempEntry::path).orElse(archive), plain);
    boolean scanned = false;
    try {
      files.scan(archive);
      scanned = true;
      return files;
    } catch (ArchiveException | UncheckedIOException e) {
      throw StoreErrors.corrupt(
          "archive "
              + archive
              + " cannot be read: "
              + e.getMessage()
              + "; expected a tar file, plain or with gzip or zstd");
    } finally {
      if (!scanned) {
        files.close();
      }
    }
  }

  private static Optional<TempEntry> decompress(String archive, String root, long maxBytes) {
    try (Fd fd = Fs.open(archive, OpenFlag.READ_ONLY)) {
      byte[] magic = new byte[4];
      int n = fd.read(magic, 0, 4);
      if (n < 4 || !(LayerStream.isGzip(magic) || LayerStream.isZstd(magic))) {
        return Optional.empty();
      }
      FileContent.seek(fd, 0, 0);
      TempEntry entry = TempEntry.file(root + "/temp", Machine.randomHex(8) + ".archive");
      boolean complete = false;
      long stored = Fs.stat(fd).size();
      // Layers and the root file system come beside it, so a part of the space must stay.
      long absolute = Math.min(maxBytes, FileSystem.of(root).freeBytes() / 2);
      long limit = BoundedStream.limit(stored, absolute);
      try (InputStream in = new BoundedStream(LayerStream.open(fd, stored), limit)) {
        byte[] chunk = new byte[64 * 1024];
        while (true) {
          int count = in.read(chunk);
          if (count < 0) {
            break;
          }
          entry.fd().writeAll(chunk, 0, count);
        }
        complete = true;
        return Optional.of(entry);
      } catch (LinuxException e) {
        throw StoreErrors.of(e, root, "decompressing archive " + archive);
      } catch (BoundedStream.TooLong e) {
        if (limit == absolute && absolute < maxBytes) {
          throw StoreErrors.noSpace(
              root, "decompressing archive " + archive + ", which may use half of the free space");
        }
        throw CasemateException.of(
            CasemateException.Kind.RESOURCE_EXHAUSTED,
            "archive " + archive + " is refused: " + e.getMessage() + "; do not use this image",
            e);
      } catch (IOException e) {
        throw StoreErrors.corrupt(
            "archive " + archive + " is corrupt: " + e.getMessage() + "; create it again");
      } finally {
        if (!complete) {
          entry.close();
        }
      }
    }
  }

  private void scan(String archive) {
    try (Fd fd = Fs.open(path, OpenFlag.READ_ONLY)) {
      long end = Fs.stat(fd).size();
      long names = 0;
      TarReader reader = new TarReader(new FdInputStream(fd, end, true), false);
      while (true) {
        Optional<TarEntry> next = reader.next();
        if (next.isEmpty()) {
          return;
        }
        TarEntry entry = next.get();
        String name = clean("", entry.name());
        names += entry.name().length() + entry.linkTarget().length();
        if (names > MAX_NAMES) {
          throw StoreErrors.corrupt(
              "archive "
                  + archive
                  + " has names of more than "
                  + MAX_NAMES
                  + " bytes; it is not an image");
        }
        switch (entry.type()) {
          case FILE -> {
            long offset = FileContent.seek(fd, 0, 1);
            if (entry.segments().size() > 1 || offset + entry.size() > end) {
              throw StoreErrors.corrupt(
                  "archive "
                      + archive
                      + " is truncated or damaged at file "
                      + name
                      + "; create it again");
            }
            files.put(name, new Place(offset, entry.size()));
          }
          // Old `docker save` links equal layers to each other.
          case SYMLINK -> {
            int slash = name.lastIndexOf('/');
            links.put(name, clean(slash < 0 ? "" : name.substring(0, slash), entry.linkTarget()));
          }
          case HARD_LINK -> links.put(name, clean("", entry.linkTarget()));
          default -> {
            // Directories say nothing that the files' names do not.
          }
        }
        if (files.size() + links.size() > MAX_FILES) {
          throw StoreErrors.corrupt(
              "archive " + archive + " has more than " + MAX_FILES + " files; it is not an image");
        }
      }
    }
  }

  /** Joins and normalises; names are only keys of this archive's own files. */
  private static String clean(String folder, String name) {
    List<String> parts = new ArrayList<>(Text.split(folder, '/'));
    for (String part : Text.split(name, '/')) {
      if (part.equals("..")) {
        if (!parts.isEmpty()) {
          parts.removeLast();
        }
      } else if (!part.equals(".")) {
        parts.add(part);
      }
    }
    return String.join("/", parts);
  }

  @Override
  public Optional<Content> open(String name) {
    String key = clean("", name);
    for (int hops = 0; hops < 8 && links.containsKey(key); hops++) {
      key = links.getOrDefault(key, key);
    }
    Place place = files.get(key);
    if (place == null) {
      return Optional.empty();
    }
    Fd fd = Fs.open(path, OpenFlag.READ_ONLY);
    FileContent.seek(fd, place.offset(), 0);
    return Optional.of(new Content(fd, place.size()));
  }

  @Override
  public void close() {
    plain.ifPresent(TempEntry::close);
  }
}
