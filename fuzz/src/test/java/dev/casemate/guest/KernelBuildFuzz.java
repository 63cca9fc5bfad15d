package dev.casemate.guest;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.TempFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

/** Kernels and modules that a guest is built of: ELF, bzImage, LZ4. */
@Fuzzes({Elf.class, KernelModule.class, SlimModule.class, Lz4Legacy.class, KernelImage.class})
public final class KernelBuildFuzz {
  private static final TempFile FILE = new TempFile("vmlinuz");
  private static final int UNPACKED = 10_000;

  private KernelBuildFuzz() {}

  public static synchronized void fuzzerTestOneInput(byte[] data) {
    if (data.length == 0) {
      return;
    }
    byte[] content = Arrays.copyOfRange(data, 1, data.length);
    switch (data[0] & 3) {
      case 0 -> {
        Path path = Path.of(FILE.with(content));
        Expect.parsed(() -> KernelImage.read(path));
      }
      case 1 ->
          Expect.parsed(
                  () -> Lz4Legacy.decode(content, 0, content.length, UNPACKED), IOException.class)
              .ifPresent(plain -> Expect.same(UNPACKED, plain.length));
      case 2 -> Expect.parsed(() -> KernelModule.parse(content, "module"));
      default ->
          Expect.parsed(() -> SlimModule.of(content, "module"))
              .ifPresent(
                  slim -> {
                    Elf.parse(slim, "slim module");
                    Expect.that(slim.length <= content.length + 4096, "grown");
                  });
    }
  }
}
