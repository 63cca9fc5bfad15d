package dev.casemate.jail;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.TempFile;
import dev.casemate.linux.LinuxException;
import java.nio.charset.StandardCharsets;

/** Programs and the loader's cache, which the jail reads to know what a VMM opens. */
@Fuzzes({ElfFile.class, LoaderCache.class, UserRange.class})
public final class JailFilesFuzz {
  private static final TempFile FILE = new TempFile("program");

  private JailFilesFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    String path = FILE.with(data);
    Expect.parsed(() -> ElfFile.read(path), LinuxException.class);
    Expect.parsed(() -> LoaderCache.parse(data).paths("libc.so.6"));
    String text = new String(data, StandardCharsets.UTF_8);
    Expect.parsed(() -> UserRange.parse(text))
        .ifPresent(
            range ->
                Expect.that(
                    range.first() >= 1000 && range.count() > 0, "a range of root's: ", range));
  }
}
