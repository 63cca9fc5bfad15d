package dev.casemate.oci;

import dev.casemate.base.Json;
import java.util.List;
import java.util.Optional;

/**
 * A program that is run at a point of the life cycle.
 *
 * @param args with argv[0]; empty means the path alone
 */
public record HookSpec(
    String path, List<String> args, List<String> env, Optional<Integer> timeoutSeconds) {
  public static HookSpec fromJson(Json.Obj json) {
    return new HookSpec(
        json.string("path"),
        json.strings("args"),
        json.strings("env"),
        SpecJson.optionalInt32(json, "timeout"));
  }

  public Json.Obj toJson() {
    Json.Obj json = new Json.Obj().put("path", path);
    SpecJson.put(json, "args", args);
    SpecJson.put(json, "env", env);
    SpecJson.putInt(json, "timeout", timeoutSeconds);
    return json;
  }
}
