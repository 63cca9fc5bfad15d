package dev.casemate.ocicli;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.TempFile;
import dev.casemate.linux.Fs;

/** A bundle's {@code config.json} as casemate-cell opens it. */
@Fuzzes(Bundle.class)
public final class ConfigFileFuzz {
  private static final TempFile FILE = new TempFile("config.json");

  static {
    Fs.makeDirectory(FILE.directory() + "/rootfs", 0755);
  }

  private ConfigFileFuzz() {}

  public static synchronized void fuzzerTestOneInput(byte[] data) {
    FILE.with(data);
    Expect.parsed(() -> Bundle.read(FILE.directory()))
        .ifPresent(
            spec -> Expect.that(spec.ociVersion().startsWith("1."), "version ", spec.ociVersion()));
  }
}
