package dev.casemate.oci;

import dev.casemate.base.Json;

/**
 * A line of a user namespace's id map (runtime-spec config-linux.md, user_namespaces(7)); ids are
 * unsigned 32 bits.
 */
public record IdMapping(int containerId, int hostId, int size) {
  public static IdMapping fromJson(Json.Obj json) {
    return new IdMapping(
        SpecJson.uint32(json, "containerID", 0),
        SpecJson.uint32(json, "hostID", 0),
        SpecJson.uint32(json, "size", 0));
  }

  public Json.Obj toJson() {
    return new Json.Obj()
        .put("containerID", containerId & 0xffffffffL)
        .put("hostID", hostId & 0xffffffffL)
        .put("size", size & 0xffffffffL);
  }
}
