package dev.casemate.oci;

import dev.casemate.base.Json;
import java.util.List;

/**
 * A mount of the container (runtime-spec config.md, "Mounts").
 *
 * @param destination path in the container
 * @param source a device, a path (relative ones: to the bundle) or a name; empty if none
 * @param options words of mount(8)
 */
public record MountSpec(
    String destination,
    String type,
    String source,
    List<String> options,
    List<IdMapping> uidMappings,
    List<IdMapping> gidMappings) {

  public static MountSpec of(String destination, String type, String source, String... options) {
    return new MountSpec(destination, type, source, List.of(options), List.of(), List.of());
  }

  /** The same with another source. */
  public MountSpec withSource(String other) {
    return new MountSpec(destination, type, other, options, uidMappings, gidMappings);
  }

  public static MountSpec fromJson(Json.Obj json) {
    return new MountSpec(
        json.string("destination"),
        json.string("type"),
        json.string("source"),
        json.strings("options"),
        SpecJson.list(json, "uidMappings", IdMapping::fromJson),
        SpecJson.list(json, "gidMappings", IdMapping::fromJson));
  }

  public Json.Obj toJson() {
    Json.Obj json = new Json.Obj().put("destination", destination);
    SpecJson.put(json, "type", type);
    SpecJson.put(json, "source", source);
    SpecJson.put(json, "options", options);
    SpecJson.putList(json, "uidMappings", uidMappings, IdMapping::toJson);
    SpecJson.putList(json, "gidMappings", gidMappings, IdMapping::toJson);
    return json;
  }
}
