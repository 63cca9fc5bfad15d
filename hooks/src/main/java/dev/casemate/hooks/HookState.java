package dev.casemate.hooks;

import dev.casemate.base.Json;
import dev.casemate.oci.Spec;
import java.nio.charset.StandardCharsets;

/**
 * The state of a container that is passed to its hooks (runtime-spec runtime.md, "State").
 *
 * @param id the container's id
 * @param bundle its directory
 * @param spec its version and annotations are passed
 */
public record HookState(String id, String bundle, Spec spec) {
  /**
   * The state at a point of the container's life.
   *
   * @param pid of its first process as the hook sees it; 0 if there is none
   * @param status {@code creating}, {@code created}, {@code running} or {@code stopped}
   */
  public Json.Obj at(int pid, String status) {
    Json.Obj state =
        new Json.Obj().put("ociVersion", spec.ociVersion()).put("id", id).put("status", status);
    if (pid > 0) {
      state.put("pid", pid);
    }
    state.put("bundle", bundle);
    if (!spec.annotations().isEmpty()) {
      state.putMap("annotations", spec.annotations());
    }
    return state;
  }

  byte[] bytes(int pid, String status) {
    return at(pid, status).text().getBytes(StandardCharsets.UTF_8);
  }
}
