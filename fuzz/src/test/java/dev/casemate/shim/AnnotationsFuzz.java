package dev.casemate.shim;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.oci.Spec;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.VmSize;
import java.util.List;

/** What a pod's author writes into annotations, as containerd puts it into {@code config.json}. */
@Fuzzes({Annotations.class, Grouping.class, PodSpec.class, VmSize.class, Identity.class})
public final class AnnotationsFuzz {
  private static final List<String> CONFIGURATIONS =
      List.of(
          "",
          "[annotations]\nallowed = [\"*\"]\n[vm]\nmax_memory_mib = 4096\nmax_vcpus = 8\n",
          "[annotations]\nallowed = [\"memory_mib\", \"vcpus\"]\n");

  private AnnotationsFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Input input = new Input(data);
    RuntimeConfig config =
        RuntimeConfig.parse("test", input.choose(CONFIGURATIONS), SandboxPaths.system());
    Expect.parsed(() -> Spec.parse(Input.text(input.rest()))).ifPresent(spec -> read(config, spec));
  }

  private static void read(RuntimeConfig config, Spec spec) {
    Expect.parsed(() -> Annotations.apply(config, spec.annotations()))
        .ifPresent(
            changed -> {
              Expect.that(
                  changed.memoryMib() == config.memoryMib()
                      || (changed.memoryMib() >= 64
                          && changed.memoryMib() <= config.maxMemoryMib()),
                  "memory ",
                  changed.memoryMib());
              Expect.that(
                  changed.vcpus() >= 1 && changed.vcpus() <= Math.max(1, config.maxVcpus()),
                  "vcpus ",
                  changed.vcpus());
              if (config.allowedAnnotations().isEmpty()) {
                Expect.same(config, changed);
              }
            });
    Expect.parsed(() -> Grouping.of("id", spec))
        .ifPresent(
            grouping -> {
              // It names a directory.
              Expect.that(
                  !grouping.sandboxId().contains("/") && !grouping.sandboxId().equals(".."),
                  "sandbox ",
                  grouping.sandboxId());
              Expect.parsed(() -> PodSpec.scope(grouping, spec, false));
            });
    Expect.parsed(() -> PodSpec.complete(spec, "pod"));
    VmSize least = new VmSize(512, 1);
    VmSize most = new VmSize(4096, 8);
    Expect.parsed(() -> VmSize.atStart(least, most, spec.annotations()))
        .ifPresent(
            size ->
                Expect.that(
                    size.memoryMib() >= 512
                        && size.memoryMib() <= 4096
                        && size.vcpus() >= 1
                        && size.vcpus() <= 8,
                    "size ",
                    size));
  }
}
