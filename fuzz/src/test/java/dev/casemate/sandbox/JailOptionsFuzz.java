package dev.casemate.sandbox;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The control group that an engine's {@code config.json} names. */
@Fuzzes(JailOptions.class)
public final class JailOptionsFuzz {
  private JailOptionsFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    String text = new String(data, StandardCharsets.UTF_8);
    Expect.parsed(() -> JailOptions.parse(text));
    for (String path :
        List.of(JailOptions.groupBeside(text, "id"), JailOptions.groupIn(text, "id"))) {
      Expect.that(path.startsWith("/") && path.endsWith("/casemate-id"), "no group: ", path);
      for (String name : path.split("/")) {
        Expect.that(!name.equals("..") && !name.equals("."), "leaves the hierarchy: ", path);
      }
    }
  }
}
