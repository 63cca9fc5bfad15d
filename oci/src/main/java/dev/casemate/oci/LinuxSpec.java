package dev.casemate.oci;

import dev.casemate.base.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The Linux part of a container's configuration (runtime-spec config-linux.md).
 *
 * @param netDevices network devices that move from the runtime's network namespace to the
 *     container's: name there to name in the container, which is empty if it stays
 */
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
    Optional<IntelRdt> intelRdt,
    Optional<MemoryPolicy> memoryPolicy,
    Map<String, String> netDevices) {

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
      boolean enableMbm,
      List<String> schemata,
      boolean enableMonitoring) {
    /** What l3CacheSchema and memBwSchema alone say. */
    public static IntelRdt of(String closId, String l3CacheSchema, String memoryBandwidthSchema) {
      return new IntelRdt(
          closId, l3CacheSchema, memoryBandwidthSchema, false, false, List.of(), false);
    }

    static IntelRdt fromJson(Json.Obj json) {
      return new IntelRdt(
          json.string("closID"),
          json.string("l3CacheSchema"),
          json.string("memBwSchema"),
          json.bool("enableCMT", false),
          json.bool("enableMBM", false),
          json.strings("schemata"),
          json.bool("enableMonitoring", false));
    }

    Json.Obj toJson() {
      Json.Obj value = new Json.Obj();
      SpecJson.put(value, "closID", closId);
      SpecJson.put(value, "l3CacheSchema", l3CacheSchema);
      SpecJson.put(value, "memBwSchema", memoryBandwidthSchema);
      SpecJson.put(value, "enableCMT", enableCmt);
      SpecJson.put(value, "enableMBM", enableMbm);
      SpecJson.put(value, "schemata", schemata);
      SpecJson.put(value, "enableMonitoring", enableMonitoring);
      return value;
    }
  }

  /**
   * Where the container's memory comes from (set_mempolicy(2)).
   *
   * @param mode such as {@code MPOL_BIND}
   * @param nodes such as {@code 0-3,7}
   * @param flags such as {@code MPOL_F_STATIC_NODES}
   */
  public record MemoryPolicy(String mode, String nodes, List<String> flags) {}

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
        json.object("intelRdt").map(IntelRdt::fromJson),
        json.object("memoryPolicy")
            .map(
                policy ->
                    new MemoryPolicy(
                        policy.string("mode"), policy.string("nodes"), policy.strings("flags"))),
        netDevices(json.object("netDevices").orElse(new Json.Obj())));
  }

  private static Map<String, String> netDevices(Json.Obj json) {
    Map<String, String> devices = new LinkedHashMap<>();
    for (String name : json.fields().keySet()) {
      devices.put(name, json.object(name).orElse(new Json.Obj()).string("name"));
    }
    return devices;
  }

  public boolean isEmpty() {
    return toJson().fields().isEmpty();
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
              .put("nanosecs", offset.getValue().nanoseconds() & 0xffffffffL));
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
      json.put("intelRdt", intelRdt.get().toJson());
    }
    if (memoryPolicy.isPresent()) {
      Json.Obj value = new Json.Obj();
      SpecJson.put(value, "mode", memoryPolicy.get().mode());
      SpecJson.put(value, "nodes", memoryPolicy.get().nodes());
      SpecJson.put(value, "flags", memoryPolicy.get().flags());
      json.put("memoryPolicy", value);
    }
    Json.Obj devices = new Json.Obj();
    for (Map.Entry<String, String> device : netDevices.entrySet()) {
      Json.Obj value = new Json.Obj();
      SpecJson.put(value, "name", device.getValue());
      devices.put(device.getKey(), value);
    }
    SpecJson.put(json, "netDevices", devices);
    return json;
  }

  /** The same with these namespaces. */
  public LinuxSpec withNamespaces(List<Namespace> value) {
    Edit edit = new Edit(this);
    edit.namespaces = value;
    return edit.done();
  }

  /**
   * The namespace of a type, new or joined; empty if the container is in its creator's.
   *
   * @param type such as {@code network}
   */
  public Optional<Namespace> namespace(String type) {
    for (Namespace namespace : namespaces) {
      if (namespace.type().equals(type)) {
        return Optional.of(namespace);
      }
    }
    return Optional.empty();
  }

  /**
   * The same without the namespace of a type.
   *
   * @param type such as {@code network}
   */
  public LinuxSpec withoutNamespace(String type) {
    List<Namespace> others = new ArrayList<>();
    for (Namespace namespace : namespaces) {
      if (!namespace.type().equals(type)) {
        others.add(namespace);
      }
    }
    return withNamespaces(others);
  }

  /** The same with these user ids. */
  public LinuxSpec withUidMappings(List<IdMapping> value) {
    Edit edit = new Edit(this);
    edit.uidMappings = value;
    return edit.done();
  }

  /** The same with these group ids. */
  public LinuxSpec withGidMappings(List<IdMapping> value) {
    Edit edit = new Edit(this);
    edit.gidMappings = value;
    return edit.done();
  }

  /** The same with these offsets of clocks. */
  public LinuxSpec withTimeOffsets(Map<String, TimeOffset> value) {
    Edit edit = new Edit(this);
    edit.timeOffsets = value;
    return edit.done();
  }

  /** The same with these device nodes. */
  public LinuxSpec withDevices(List<DeviceSpec> value) {
    Edit edit = new Edit(this);
    edit.devices = value;
    return edit.done();
  }

  /** The same with this path of the control group. */
  public LinuxSpec withCgroupsPath(String value) {
    Edit edit = new Edit(this);
    edit.cgroupsPath = value;
    return edit.done();
  }

  /** The same with these limits. */
  public LinuxSpec withResources(Resources value) {
    Edit edit = new Edit(this);
    edit.resources = value;
    return edit.done();
  }

  /** The same with this propagation of the root. */
  public LinuxSpec withRootfsPropagation(String value) {
    Edit edit = new Edit(this);
    edit.rootfsPropagation = value;
    return edit.done();
  }

  /** The same with this system call filter, or none. */
  public LinuxSpec withSeccomp(Optional<SeccompSpec> value) {
    Edit edit = new Edit(this);
    edit.seccomp = value;
    return edit.done();
  }

  /** The same with these kernel parameters. */
  public LinuxSpec withSysctl(Map<String, String> value) {
    Edit edit = new Edit(this);
    edit.sysctl = value;
    return edit.done();
  }

  /** The same with these hidden paths. */
  public LinuxSpec withMaskedPaths(List<String> value) {
    Edit edit = new Edit(this);
    edit.maskedPaths = value;
    return edit.done();
  }

  /** The same with these read-only paths. */
  public LinuxSpec withReadonlyPaths(List<String> value) {
    Edit edit = new Edit(this);
    edit.readonlyPaths = value;
    return edit.done();
  }

  /** The same with this SELinux label of the mounts. */
  public LinuxSpec withMountLabel(String value) {
    Edit edit = new Edit(this);
    edit.mountLabel = value;
    return edit.done();
  }

  /** The same with this class of cache and bandwidth, or none. */
  public LinuxSpec withIntelRdt(Optional<IntelRdt> value) {
    Edit edit = new Edit(this);
    edit.intelRdt = value;
    return edit.done();
  }

  /** The same with this policy of memory, or none. */
  public LinuxSpec withMemoryPolicy(Optional<MemoryPolicy> value) {
    Edit edit = new Edit(this);
    edit.memoryPolicy = value;
    return edit.done();
  }

  /** A copy in which components can be replaced by their names. */
  private static final class Edit {
    private List<Namespace> namespaces;
    private List<IdMapping> uidMappings;
    private List<IdMapping> gidMappings;
    private Map<String, TimeOffset> timeOffsets;
    private List<DeviceSpec> devices;
    private String cgroupsPath;
    private Resources resources;
    private String rootfsPropagation;
    private Optional<SeccompSpec> seccomp;
    private Map<String, String> sysctl;
    private List<String> maskedPaths;
    private List<String> readonlyPaths;
    private String mountLabel;
    private Optional<Personality> personality;
    private Optional<IntelRdt> intelRdt;
    private Optional<MemoryPolicy> memoryPolicy;
    private final Map<String, String> netDevices;

    Edit(LinuxSpec of) {
      namespaces = of.namespaces;
      uidMappings = of.uidMappings;
      gidMappings = of.gidMappings;
      timeOffsets = of.timeOffsets;
      devices = of.devices;
      cgroupsPath = of.cgroupsPath;
      resources = of.resources;
      rootfsPropagation = of.rootfsPropagation;
      seccomp = of.seccomp;
      sysctl = of.sysctl;
      maskedPaths = of.maskedPaths;
      readonlyPaths = of.readonlyPaths;
      mountLabel = of.mountLabel;
      personality = of.personality;
      intelRdt = of.intelRdt;
      memoryPolicy = of.memoryPolicy;
      netDevices = of.netDevices;
    }

    LinuxSpec done() {
      return new LinuxSpec(
          namespaces,
          uidMappings,
          gidMappings,
          timeOffsets,
          devices,
          cgroupsPath,
          resources,
          rootfsPropagation,
          seccomp,
          sysctl,
          maskedPaths,
          readonlyPaths,
          mountLabel,
          personality,
          intelRdt,
          memoryPolicy,
          netDevices);
    }
  }
}
