package dev.casemate.oci;

import dev.casemate.base.Json;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The Linux part of a container's configuration (runtime-spec config-linux.md). */
public record LinuxSpec(
    List<Namespace> namespaces,
    List<IdMapping> uidMappings,
    List<IdMapping> gidMappings,
    Map<String, TimeOffset> timeOffsets,
    List<DeviceSpec> devices,
    String cgroupsPath,
    Resources resources,
    String rootfsPropagation,
    Optional<SeccompSpec> seccomp,
    Map<String, String> sysctl,
    List<String> maskedPaths,
    List<String> readonlyPaths,
    String mountLabel,
    Optional<Personality> personality,
    Optional<IntelRdt> intelRdt) {

  /**
   * A namespace that is new, or joined by path.
   *
   * @param type {@code pid}, {@code network}, {@code mount}, {@code ipc}, {@code uts}, {@code
   *     user}, {@code cgroup} or {@code time}
   * @param path empty for a new one
   */
  public record Namespace(String type, String path) {}

  /** What is added to a clock ({@code monotonic}, {@code boottime}) in a new time namespace. */
  public record TimeOffset(long seconds, int nanoseconds) {}

  /** {@code LINUX} or {@code LINUX32}. */
  public record Personality(String domain, List<String> flags) {}

  public record IntelRdt(
      String closId,
      String l3CacheSchema,
      String memoryBandwidthSchema,
      boolean enableCmt,
      boolean enableMbm) {}

  public static final LinuxSpec EMPTY = fromJson(new Json.Obj());

  public static LinuxSpec fromJson(Json.Obj json) {
    Map<String, TimeOffset> offsets = new LinkedHashMap<>();
    Json.Obj clocks = json.object("timeOffsets").orElse(new Json.Obj());
    for (String clock : clocks.fields().keySet()) {
      Json.Obj offset = clocks.object(clock).orElse(new Json.Obj());
      offsets.put(
          clock, new TimeOffset(offset.integer("secs", 0), SpecJson.uint32(offset, "nanosecs", 0)));
    }
    return new LinuxSpec(
        SpecJson.list(
            json, "namespaces", ns -> new Namespace(ns.string("type"), ns.string("path"))),
        SpecJson.list(json, "uidMappings", IdMapping::fromJson),
        SpecJson.list(json, "gidMappings", IdMapping::fromJson),
        offsets,
        SpecJson.list(json, "devices", DeviceSpec::fromJson),
        json.string("cgroupsPath"),
        json.object("resources").map(Resources::fromJson).orElse(Resources.NONE),
        json.string("rootfsPropagation"),
        json.object("seccomp").map(SeccompSpec::fromJson),
        json.stringMap("sysctl"),
        json.strings("maskedPaths"),
        json.strings("readonlyPaths"),
        json.string("mountLabel"),
        json.object("personality")
            .map(p -> new Personality(p.string("domain"), p.strings("flags"))),
        json.object("intelRdt")
            .map(
                rdt ->
                    new IntelRdt(
                        rdt.string("closID"),
                        rdt.string("l3CacheSchema"),
                        rdt.string("memBwSchema"),
                        rdt.bool("enableCMT", false),
                        rdt.bool("enableMBM", false))));
  }

  public Json.Obj toJson() {
    Json.Obj json = new Json.Obj();
    SpecJson.putList(
        json,
        "namespaces",
        namespaces,
        ns -> {
          Json.Obj value = new Json.Obj().put("type", ns.type());
          SpecJson.put(value, "path", ns.path());
          return value;
        });
    SpecJson.putList(json, "uidMappings", uidMappings, IdMapping::toJson);
    SpecJson.putList(json, "gidMappings", gidMappings, IdMapping::toJson);
    Json.Obj clocks = new Json.Obj();
    for (Map.Entry<String, TimeOffset> offset : timeOffsets.entrySet()) {
      clocks.put(
          offset.getKey(),
          new Json.Obj()
              .put("secs", offset.getValue().seconds())
              .put("nanosecs", offset.getValue().nanoseconds()));
    }
    SpecJson.put(json, "timeOffsets", clocks);
    SpecJson.putList(json, "devices", devices, DeviceSpec::toJson);
    SpecJson.put(json, "cgroupsPath", cgroupsPath);
    SpecJson.put(json, "resources", resources.toJson());
    SpecJson.put(json, "rootfsPropagation", rootfsPropagation);
    if (seccomp.isPresent()) {
      json.put("seccomp", seccomp.get().toJson());
    }
    SpecJson.put(json, "sysctl", sysctl);
    SpecJson.put(json, "maskedPaths", maskedPaths);
    SpecJson.put(json, "readonlyPaths", readonlyPaths);
    SpecJson.put(json, "mountLabel", mountLabel);
    if (personality.isPresent()) {
      Json.Obj value = new Json.Obj().put("domain", personality.get().domain());
      SpecJson.put(value, "flags", personality.get().flags());
      json.put("personality", value);
    }
    if (intelRdt.isPresent()) {
      IntelRdt rdt = intelRdt.get();
      Json.Obj value = new Json.Obj();
      SpecJson.put(value, "closID", rdt.closId());
      SpecJson.put(value, "l3CacheSchema", rdt.l3CacheSchema());
      SpecJson.put(value, "memBwSchema", rdt.memoryBandwidthSchema());
      SpecJson.put(value, "enableCMT", rdt.enableCmt());
      SpecJson.put(value, "enableMBM", rdt.enableMbm());
      json.put("intelRdt", value);
    }
    return json;
  }
}
