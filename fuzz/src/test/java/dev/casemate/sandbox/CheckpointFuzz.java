package dev.casemate.sandbox;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.fuzz.TempFile;
import dev.casemate.linux.FileContent;
import dev.casemate.protocol.containerd.Mount;
import java.util.List;
import java.util.Optional;

/** A checkpoint's record, which may come from anybody, held against a node. */
@Fuzzes({VmCheckpoint.class, VmRestore.class})
public final class CheckpointFuzz {
  private static final TempFile FILE = new TempFile("casemate.json");
  private static final int KERNEL_BYTES = 7;
  private static final int DISK_BYTES = 4096;
  private static final String KERNEL = FILE.directory() + "/kernel";
  private static final String DISK = FILE.directory() + "/disk";
  private static final VmSize MOST = new VmSize(1024, 4);

  static {
    FileContent.write(KERNEL, new byte[KERNEL_BYTES], 0600);
    FileContent.write(DISK, new byte[DISK_BYTES], 0600);
  }

  private CheckpointFuzz() {}

  public static synchronized void fuzzerTestOneInput(byte[] data) {
    Input input = new Input(data);
    int mode = input.next();
    FILE.with(input.rest());
    Expect.parsed(() -> VmCheckpoint.read(FILE.directory()));
    VmOptions vm = new VmOptions("qemu", "tcg", KERNEL, KERNEL, 512, 1, 1000, TemplateUse.NEVER);
    SandboxConfig node =
        new SandboxConfig(
            "node", vm, Optional.empty(), false, 4, VmSize.of(vm), MOST, JailOptions.DEFAULT);
    List<Mount> mounts =
        (mode & 1) == 0
            ? List.of()
            : List.of(
                Mount.builder()
                    .type("ext4")
                    .source(DISK)
                    .options(List.of("loop", (mode & 2) == 0 ? "rw" : "ro"))
                    .build());
    Expect.parsed(() -> VmRestore.of(FILE.directory(), mounts, node))
        .ifPresent(
            restoration -> {
              for (VmSize size :
                  List.of(
                      restoration.size(),
                      VmSize.of(restoration.config().vm()),
                      restoration.config().configured(),
                      restoration.config().most())) {
                Expect.that(
                    size.memoryMib() >= 1
                        && size.memoryMib() <= MOST.memoryMib()
                        && size.vcpus() >= 1
                        && size.vcpus() <= MOST.vcpus(),
                    "more than the node allows: ",
                    size);
              }
              Expect.same(KERNEL, restoration.config().vm().kernel());
              Expect.same(mounts.size(), restoration.disks().size());
            });
  }
}
