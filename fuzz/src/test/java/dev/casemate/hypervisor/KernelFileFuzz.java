package dev.casemate.hypervisor;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.TempFile;

/** A kernel that an annotation names: its header is read on the host. */
@Fuzzes(KernelImage.class)
public final class KernelFileFuzz {
  private static final TempFile FILE = new TempFile("kernel");

  private KernelFileFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    String path = FILE.with(data);
    Expect.parsed(() -> KernelImage.leastMemoryMib(path, path))
        .ifPresent(mib -> Expect.that(mib >= 24 && mib <= (1L << 21), "memory ", mib));
  }
}
