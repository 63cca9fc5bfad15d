package dev.casemate.oci;

import dev.casemate.base.Json;
import java.util.List;
import java.util.Optional;

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

  /** A map as user_namespaces(7) has it in {@code uid_map} and {@code gid_map}. */
  public static String lines(List<IdMapping> map) {
    StringBuilder text = new StringBuilder();
    for (IdMapping line : map) {
      text.append(Integer.toUnsignedString(line.containerId()))
          .append(' ')
          .append(Integer.toUnsignedString(line.hostId()))
          .append(' ')
          .append(Integer.toUnsignedString(line.size()))
          .append('\n');
    }
    return text.toString();
  }

  /** The id outside of a user namespace that one in it stands for, if it has one. */
  public static Optional<Integer> outside(int id, List<IdMapping> map) {
    for (IdMapping line : map) {
      if (Integer.compareUnsigned(id - line.containerId(), line.size()) < 0) {
        return Optional.of(line.hostId() + (id - line.containerId()));
      }
    }
    return Optional.empty();
  }
}
