package dev.casemate.sandbox;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;

/** Where an engine wants output to go. */
@Fuzzes(LogUri.class)
public final class LogUriFuzz {
  private LogUriFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Expect.parsed(() -> LogUri.of(Input.text(data)))
        .ifPresent(
            uri -> {
              Expect.that(uri.path().isEmpty() || uri.path().startsWith("/"), uri.path());
              Expect.that(uri.arguments().size() % 2 == 0, "a key without a value");
            });
  }
}
