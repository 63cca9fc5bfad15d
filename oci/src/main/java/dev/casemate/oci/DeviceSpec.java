package dev.casemate.oci;

import dev.casemate.base.Json;
import java.util.Optional;

/**
 * A device node of the container.
 *
 * @param type {@code c}, {@code u} (both: character), {@code b} or {@code p} (FIFO)
 * @param fileMode permission bits
 */
public record DeviceSpec(
    String path,
    String type,
    int major,
    int minor,
    Optional<Integer> fileMode,
    Optional<Integer> uid,
    Optional<Integer> gid) {
  public static DeviceSpec of(String path, String type, int major, int minor, int fileMode) {
    return new DeviceSpec(
        path, type, major, minor, Optional.of(fileMode), Optional.empty(), Optional.empty());
  }

  public static DeviceSpec fromJson(Json.Obj json) {
    return new DeviceSpec(
        json.string("path"),
        json.string("type"),
        SpecJson.int32(json, "major", 0),
        SpecJson.int32(json, "minor", 0),
        SpecJson.optionalUint32(json, "fileMode"),
        SpecJson.optionalUint32(json, "uid"),
        SpecJson.optionalUint32(json, "gid"));
  }

  public Json.Obj toJson() {
    Json.Obj json =
        new Json.Obj().put("path", path).put("type", type).put("major", major).put("minor", minor);
    SpecJson.putUint32(json, "fileMode", fileMode);
    SpecJson.putUint32(json, "uid", uid);
    SpecJson.putUint32(json, "gid", gid);
    return json;
  }
}
