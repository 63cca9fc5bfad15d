package dev.casemate.specmapping;

import dev.casemate.base.Json;
import java.util.Map;

/** JSON merge patches (RFC 7396), for objects in which null does not occur. */
final class MergePatch {
  private MergePatch() {}

  /** The patch that makes {@code to} of {@code from}; an empty object if they are the same. */
  static Json.Obj between(Json.Obj from, Json.Obj to) {
    Json.Obj patch = new Json.Obj();
    for (String name : from.fields().keySet()) {
      if (!to.fields().containsKey(name)) {
        patch.put(name, new Json.Null());
      }
    }
    for (Map.Entry<String, Json> field : to.fields().entrySet()) {
      Json before = from.fields().get(field.getKey());
      Json after = field.getValue();
      if (before instanceof Json.Obj a && after instanceof Json.Obj b) {
        Json.Obj inner = between(a, b);
        if (!inner.fields().isEmpty()) {
          patch.put(field.getKey(), inner);
        }
      } else if (before == null || !before.text().equals(after.text())) {
        patch.put(field.getKey(), after);
      }
    }
    return patch;
  }

  /** What a patch makes of an object, which stays as it is. */
  static Json.Obj apply(Json.Obj to, Json.Obj patch) {
    Json.Obj patched = new Json.Obj();
    to.fields().forEach(patched::put);
    for (Map.Entry<String, Json> field : patch.fields().entrySet()) {
      String name = field.getKey();
      switch (field.getValue()) {
        case Json.Null n -> patched.fields().remove(name);
        case Json.Obj inner -> {
          Json.Obj before =
              patched.fields().get(name) instanceof Json.Obj known ? known : new Json.Obj();
          patched.put(name, apply(before, inner));
        }
        case Json value -> patched.put(name, value);
      }
    }
    return patched;
  }
}
