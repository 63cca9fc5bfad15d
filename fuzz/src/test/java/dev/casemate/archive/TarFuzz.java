package dev.casemate.archive;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import java.io.ByteArrayInputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Optional;

/**
 * Tar archives of layers and of {@code cp}. Of inputs with an odd first byte the checksums are put
 * right: else the fuzzer would never get past them.
 */
@Fuzzes({TarReader.class, TarFields.class})
public final class TarFuzz {
  private TarFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    if (data.length == 0) {
      return;
    }
    byte[] tar = Arrays.copyOfRange(data, 1, data.length);
    if ((data[0] & 1) != 0) {
      TarRepair.checksums(tar);
    }
    Expect.parsed(
        () -> read(new TarReader(new ByteArrayInputStream(tar), (data[0] & 2) != 0)),
        ArchiveException.class,
        UncheckedIOException.class);
  }

  private static int read(TarReader reader) {
    byte[] chunk = new byte[700];
    int count = 0;
    try {
      while (true) {
        Optional<TarEntry> next = reader.next();
        if (next.isEmpty()) {
          return count;
        }
        count++;
        check(next.get());
        while (reader.read(chunk, 0, chunk.length) >= 0) {
          // What is in it is not for us.
        }
      }
    } catch (ArchiveException e) {
      Expect.printable(e.getMessage());
      throw e;
    }
  }

  private static void check(TarEntry entry) {
    Expect.that(!entry.name().isEmpty() && entry.name().indexOf('\0') < 0, "name");
    Expect.that(entry.linkTarget().indexOf('\0') < 0, "link target");
    Expect.that((entry.mode() & ~07777) == 0, "mode ", entry.mode());
    Expect.that(entry.size() >= 0, "size ", entry.size());
    Expect.that(entry.mtimeNanos() >= 0 && entry.mtimeNanos() < 1_000_000_000, "nanoseconds");
    long end = 0;
    for (TarEntry.Segment segment : entry.segments()) {
      Expect.that(segment.offset() >= end && segment.length() >= 0, "segments out of order");
      end = segment.offset() + segment.length();
    }
    Expect.that(end >= 0 && end <= entry.size(), "segments beyond the end");
  }
}
