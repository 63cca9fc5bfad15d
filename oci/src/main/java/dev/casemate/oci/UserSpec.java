package dev.casemate.oci;

import dev.casemate.base.Json;
import java.util.List;
import java.util.Optional;

/** The ids that a process runs with; unsigned 32 bits. */
public record UserSpec(
    int uid, int gid, Optional<Integer> umask, List<Integer> additionalGids, String username) {
  public static final UserSpec ROOT = new UserSpec(0, 0, Optional.empty(), List.of(), "");

  public static UserSpec of(int uid, int gid, List<Integer> additionalGids) {
    return new UserSpec(uid, gid, Optional.empty(), additionalGids, "");
  }

  /** The same with other ids; the mask of file modes stays. */
  public UserSpec withIds(UserSpec other) {
    return new UserSpec(other.uid, other.gid, umask, other.additionalGids, other.username);
  }

  public static UserSpec fromJson(Json.Obj json) {
    return new UserSpec(
        SpecJson.uint32(json, "uid", 0),
        SpecJson.uint32(json, "gid", 0),
        SpecJson.optionalUint32(json, "umask"),
        SpecJson.uint32s(json, "additionalGids"),
        json.string("username"));
  }

  public Json.Obj toJson() {
    Json.Obj json = new Json.Obj().put("uid", uid & 0xffffffffL).put("gid", gid & 0xffffffffL);
    SpecJson.putUint32(json, "umask", umask);
    SpecJson.putUint32s(json, "additionalGids", additionalGids);
    SpecJson.put(json, "username", username);
    return json;
  }
}
