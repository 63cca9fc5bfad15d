package dev.casemate.oci;

import dev.casemate.base.Json;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A container's configuration: {@code config.json} of the OCI runtime-spec 1.3. Fields that the
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

  /** The specification in an empty document. */
  public static final Spec EMPTY = fromJson(new Json.Obj());

  /**
   * crun's annotation: with "1", processes keep the supplementary groups of the engine's caller.
   */
  public static final String KEEP_GROUPS = "run.oci.keep_original_groups";

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

  /** Parses the text of a {@code config.json}; its keys may be in any case, as runc reads them. */
  public static Spec parse(String text) {
    return fromJson(Json.parseObject(text).inAnyCase());
  }

  /** Whether supplementary groups are left as they are ({@link #KEEP_GROUPS}). */
  public boolean keepsGroups() {
    return "1".equals(annotations.get(KEEP_GROUPS));
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

  /** The same with this process. */
  public Spec withProcess(ProcessSpec value) {
    Edit edit = new Edit(this);
    edit.process = Optional.of(value);
    return edit.done();
  }

  /** The same with this root. */
  public Spec withRoot(RootSpec value) {
    Edit edit = new Edit(this);
    edit.root = value;
    return edit.done();
  }

  /** The same with this host name. */
  public Spec withHostname(String value) {
    Edit edit = new Edit(this);
    edit.hostname = value;
    return edit.done();
  }

  /** The same with this domain name. */
  public Spec withDomainname(String value) {
    Edit edit = new Edit(this);
    edit.domainname = value;
    return edit.done();
  }

  /** The same with these mounts. */
  public Spec withMounts(List<MountSpec> value) {
    Edit edit = new Edit(this);
    edit.mounts = value;
    return edit.done();
  }

  /** The same with these hooks. */
  public Spec withHooks(HooksSpec value) {
    Edit edit = new Edit(this);
    edit.hooks = value;
    return edit.done();
  }

  /** The same with these annotations. */
  public Spec withAnnotations(Map<String, String> value) {
    Edit edit = new Edit(this);
    edit.annotations = value;
    return edit.done();
  }

  /** The same with this Linux part. */
  public Spec withLinux(LinuxSpec value) {
    Edit edit = new Edit(this);
    edit.linux = value;
    return edit.done();
  }

  /** A copy in which components can be replaced by their names. */
  private static final class Edit {
    private String ociVersion;
    private Optional<ProcessSpec> process;
    private RootSpec root;
    private String hostname;
    private String domainname;
    private List<MountSpec> mounts;
    private HooksSpec hooks;
    private Map<String, String> annotations;
    private LinuxSpec linux;

    Edit(Spec of) {
      ociVersion = of.ociVersion;
      process = of.process;
      root = of.root;
      hostname = of.hostname;
      domainname = of.domainname;
      mounts = of.mounts;
      hooks = of.hooks;
      annotations = of.annotations;
      linux = of.linux;
    }

    Spec done() {
      return new Spec(
          ociVersion, process, root, hostname, domainname, mounts, hooks, annotations, linux);
    }
  }
}
