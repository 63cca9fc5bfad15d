package dev.casemate.shim;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.sandbox.SandboxPaths;

/** The configuration of the shim, which an engine may hand over as text. */
@Fuzzes({Toml.class, RuntimeConfig.class})
public final class TomlFuzz {
  private TomlFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    String text = Input.text(data);
    Expect.parsed(() -> Toml.parse("config.toml", text))
        .ifPresent(values -> values.values().forEach(TomlFuzz::check));
    Expect.parsed(() -> RuntimeConfig.parse("config.toml", text, SandboxPaths.system()))
        .ifPresent(
            config -> {
              Expect.that(config.memoryMib() >= 64, "memory ", config.memoryMib());
              Expect.that(config.vcpus() >= 1 && config.vcpus() <= 240, "vcpus");
            });
  }

  private static void check(Object value) {
    Expect.that(
        value instanceof String
            || value instanceof Long
            || value instanceof Boolean
            || value instanceof java.util.List,
        "a value of ",
        value.getClass());
  }
}
