package dev.casemate.oci;

import dev.casemate.base.Json;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A container's configuration: {@code config.json} of the OCI runtime-spec 1.2. Fields that the
 * spec does not have are ignored; a wrong type is an error that names the field.
 *
 * @param linux empty lists and maps where the document has none
 */
public record Spec(
    String ociVersion,
    Optional<ProcessSpec> process,
    RootSpec root,
    String hostname,
    String domainname,
    List<MountSpec> mounts,
    HooksSpec hooks,
    Map<String, String> annotations,
    LinuxSpec linux) {

  public static Spec fromJson(Json.Obj json) {
    return new Spec(
        json.string("ociVersion"),
        json.object("process").map(ProcessSpec::fromJson),
        json.object("root").map(RootSpec::fromJson).orElse(new RootSpec("rootfs", false)),
        json.string("hostname"),
        json.string("domainname"),
        SpecJson.list(json, "mounts", MountSpec::fromJson),
        json.object("hooks").map(HooksSpec::fromJson).orElse(HooksSpec.NONE),
        json.stringMap("annotations"),
        json.object("linux").map(LinuxSpec::fromJson).orElse(LinuxSpec.EMPTY));
  }

  /** Parses the text of a {@code config.json}. */
  public static Spec parse(String text) {
    return fromJson(Json.parseObject(text));
  }

  public Json.Obj toJson() {
    Json.Obj json = new Json.Obj().put("ociVersion", ociVersion);
    if (process.isPresent()) {
      json.put("process", process.get().toJson());
    }
    json.put("root", root.toJson());
    SpecJson.put(json, "hostname", hostname);
    SpecJson.put(json, "domainname", domainname);
    SpecJson.putList(json, "mounts", mounts, MountSpec::toJson);
    SpecJson.put(json, "hooks", hooks.toJson());
    SpecJson.put(json, "annotations", annotations);
    SpecJson.put(json, "linux", linux.toJson());
    return json;
  }

  public Spec withProcess(ProcessSpec other) {
    return new Spec(
        ociVersion,
        Optional.of(other),
        root,
        hostname,
        domainname,
        mounts,
        hooks,
        annotations,
        linux);
  }

  public Spec withRoot(RootSpec other) {
    return new Spec(
        ociVersion, process, other, hostname, domainname, mounts, hooks, annotations, linux);
  }

  public Spec withMounts(List<MountSpec> other) {
    return new Spec(
        ociVersion, process, root, hostname, domainname, other, hooks, annotations, linux);
  }

  public Spec withLinux(LinuxSpec other) {
    return new Spec(
        ociVersion, process, root, hostname, domainname, mounts, hooks, annotations, other);
  }
}
