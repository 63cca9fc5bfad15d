package dev.casemate.ocicli;

import dev.casemate.base.Json;

/** A container's state as JSON: the runtime-spec's fields, and runc's beside them. */
final class InfoJson {
  private InfoJson() {}

  /** What {@code state} prints. */
  static Json.Obj state(Engine.Info info) {
    Json.Obj json = of(info);
    if (!info.annotations().isEmpty()) {
      json.putMap("annotations", info.annotations());
    }
    return json.put("owner", "");
  }

  /** One element of what {@code list --format json} prints. */
  static Json.Obj listed(Engine.Info info, String owner) {
    Json.Obj json = of(info);
    if (!info.annotations().isEmpty()) {
      json.putMap("annotations", info.annotations());
    }
    return json.put("owner", owner);
  }

  private static Json.Obj of(Engine.Info info) {
    return new Json.Obj()
        .put("ociVersion", info.ociVersion())
        .put("id", info.id())
        .put("pid", info.pid())
        .put("status", info.status().toString())
        .put("bundle", info.bundle())
        .put("rootfs", info.rootfs())
        .put("created", info.created());
  }
}
