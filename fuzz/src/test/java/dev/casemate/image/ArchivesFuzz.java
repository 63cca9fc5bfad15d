package dev.casemate.image;

import dev.casemate.archive.ArchiveException;
import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.TempFile;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import java.util.Arrays;
import java.util.Optional;

/** Images in files: {@code docker save}'s archives and OCI layouts, compressed or not. */
@Fuzzes({ArchiveFiles.class, DockerArchiveSource.class, LayoutSource.class})
public final class ArchivesFuzz {
  private static final TempFile FILE = new TempFile("archive");
  private static final String STORE = FILE.directory() + "/store";

  private ArchivesFuzz() {}

  public static synchronized void fuzzerTestOneInput(byte[] data) {
    if (data.length == 0) {
      return;
    }
    byte[] tar = Arrays.copyOfRange(data, 1, data.length);
    if ((data[0] & 1) != 0) {
      dev.casemate.archive.TarRepair.checksums(tar);
    }
    String path = FILE.with(tar);
    FileTree.makeDirectories(STORE + "/temp", 0700);
    FileTree.makeDirectories(STORE + "/blobs/sha256", 0700);
    String tag = (data[0] & 2) == 0 ? "" : "busybox:latest";
    try {
      Expect.parsed(
          () -> {
            FileSet files = ArchiveFiles.open(path, STORE, 64 << 20);
            if ((data[0] & 4) == 0) {
              try (LayoutSource source = new LayoutSource("image", tag, files)) {
                return Optional.of(source.top());
              }
            }
            BlobStore blobs = new BlobStore(STORE);
            try (var source = new DockerArchiveSource("image", tag, files, blobs)) {
              return Optional.of(source.top());
            }
          },
          ArchiveException.class);
      Expect.same(0, Fs.list(STORE + "/temp").size());
    } finally {
      FileTree.removeTree(STORE);
    }
  }
}
