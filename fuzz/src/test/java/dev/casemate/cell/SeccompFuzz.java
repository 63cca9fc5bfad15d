package dev.casemate.cell;

import dev.casemate.base.Json;
import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.linux.Seccomp;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.SeccompSpec;
import dev.casemate.seccomp.CompiledSeccomp;
import dev.casemate.seccomp.SeccompCompiler;
import dev.casemate.seccomp.SeccompFilter;

/** A filter of {@code config.json} compiled, a compiled one read; a mount's options. */
@Fuzzes({SeccompCompiler.class, CompiledSeccomp.class, MountOptions.class})
public final class SeccompFuzz {
  private SeccompFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    String text = Input.text(data);
    Expect.parsed(() -> CompiledSeccomp.parse(text)).ifPresent(SeccompFuzz::check);
    Expect.parsed(() -> Json.parseObject(text))
        .ifPresent(
            json -> {
              Expect.parsed(() -> MountOptions.parse(MountSpec.fromJson(json)));
              Expect.parsed(() -> SeccompSpec.fromJson(json)).ifPresent(SeccompFuzz::compile);
            });
  }

  private static void compile(SeccompSpec spec) {
    Expect.parsed(() -> SeccompCompiler.compile(spec))
        .ifPresent(
            filter -> {
              check(filter);
              // One that asks a listener is never sent.
              if ((filter.flags() & Seccomp.FLAG_NEW_LISTENER) == 0) {
                Expect.same(
                    filter.program(), CompiledSeccomp.parse(CompiledSeccomp.text(spec)).program());
              }
            });
  }

  private static void check(SeccompFilter filter) {
    int length = filter.program().length;
    Expect.that(length >= 1 && length <= Seccomp.LIMIT, "instructions ", length);
  }
}
