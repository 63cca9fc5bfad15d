package dev.casemate.oci;

import dev.casemate.base.Json;

/**
 * The container's root file system.
 *
 * @param path absolute, or relative to the bundle
 */
public record RootSpec(String path, boolean readonly) {
  public static RootSpec fromJson(Json.Obj json) {
    return new RootSpec(json.string("path"), json.bool("readonly", false));
  }

  public Json.Obj toJson() {
    Json.Obj json = new Json.Obj().put("path", path);
    SpecJson.put(json, "readonly", readonly);
    return json;
  }
}
