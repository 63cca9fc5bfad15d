package dev.casemate.image;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.TempFile;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import java.io.IOException;
import java.io.InputStream;

/** Compressed layers: gzip and zstd, of which only damage may come as an {@link IOException}. */
@Fuzzes({LayerStream.class, ZstdFrames.class})
public final class LayerFuzz {
  private static final long MOST = 32 << 20;
  private static final TempFile FILE = new TempFile("layer");

  private LayerFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    String path = FILE.with(data);
    Expect.parsed(
        () -> {
          byte[] chunk = new byte[64 * 1024];
          long total = 0;
          try (Fd fd = Fs.open(path, OpenFlag.READ_ONLY);
              InputStream plain = LayerStream.open(fd, data.length)) {
            int n = plain.read(chunk);
            while (n >= 0 && total < MOST) {
              total += n;
              n = plain.read(chunk);
            }
          }
          return total;
        },
        IOException.class);
  }
}
