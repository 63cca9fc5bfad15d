package dev.casemate.oci;

import dev.casemate.base.Json;
import java.util.List;

/** The hooks of the life cycle (runtime-spec config.md, "POSIX-platform Hooks"). */
public record HooksSpec(
    List<HookSpec> prestart,
    List<HookSpec> createRuntime,
    List<HookSpec> createContainer,
    List<HookSpec> startContainer,
    List<HookSpec> poststart,
    List<HookSpec> poststop) {
  public static final HooksSpec NONE =
      new HooksSpec(List.of(), List.of(), List.of(), List.of(), List.of(), List.of());

  public boolean isEmpty() {
    return prestart.isEmpty()
        && createRuntime.isEmpty()
        && createContainer.isEmpty()
        && startContainer.isEmpty()
        && poststart.isEmpty()
        && poststop.isEmpty();
  }

  /** Those that run outside of the container, in the runtime's namespaces. */
  public HooksSpec ofRuntime() {
    return new HooksSpec(prestart, createRuntime, List.of(), List.of(), poststart, poststop);
  }

  /** Those that run in the container's namespaces. */
  public HooksSpec ofContainer() {
    return new HooksSpec(
        List.of(), List.of(), createContainer, startContainer, List.of(), List.of());
  }

  public static HooksSpec fromJson(Json.Obj json) {
    return new HooksSpec(
        SpecJson.list(json, "prestart", HookSpec::fromJson),
        SpecJson.list(json, "createRuntime", HookSpec::fromJson),
        SpecJson.list(json, "createContainer", HookSpec::fromJson),
        SpecJson.list(json, "startContainer", HookSpec::fromJson),
        SpecJson.list(json, "poststart", HookSpec::fromJson),
        SpecJson.list(json, "poststop", HookSpec::fromJson));
  }

  public Json.Obj toJson() {
    Json.Obj json = new Json.Obj();
    SpecJson.putList(json, "prestart", prestart, HookSpec::toJson);
    SpecJson.putList(json, "createRuntime", createRuntime, HookSpec::toJson);
    SpecJson.putList(json, "createContainer", createContainer, HookSpec::toJson);
    SpecJson.putList(json, "startContainer", startContainer, HookSpec::toJson);
    SpecJson.putList(json, "poststart", poststart, HookSpec::toJson);
    SpecJson.putList(json, "poststop", poststop, HookSpec::toJson);
    return json;
  }
}
