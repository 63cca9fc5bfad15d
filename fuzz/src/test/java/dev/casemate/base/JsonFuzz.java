package dev.casemate.base;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;

/** JSON of anybody; what is written must read the same. */
@Fuzzes({Json.class, JsonReader.class})
public final class JsonFuzz {
  private JsonFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Expect.parsed(() -> Json.parse(Input.text(data)))
        .ifPresent(
            value -> {
              Expect.same(value, Json.parse(value.text()));
              Expect.same(value, Json.parse(value.pretty()));
              if (value instanceof Json.Obj object) {
                for (String name : object.fields().keySet()) {
                  read(object, name);
                }
              }
            });
  }

  private static void read(Json.Obj object, String name) {
    Expect.parsed(() -> object.string(name));
    Expect.parsed(() -> object.integer(name, 0));
    Expect.parsed(() -> object.bool(name, false));
    Expect.parsed(() -> object.object(name));
    Expect.parsed(() -> object.strings(name));
    Expect.parsed(() -> object.integers(name));
    Expect.parsed(() -> object.objects(name));
    Expect.parsed(() -> object.stringMap(name));
  }
}
