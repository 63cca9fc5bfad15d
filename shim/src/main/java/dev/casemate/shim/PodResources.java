package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protocol.cri.LinuxContainerResources;
import dev.casemate.protocol.google.Any;
import java.nio.charset.StandardCharsets;

/**
 * A pod's limits as UpdateSandbox brings them. containerd's protocol leaves their type open: taken
 * are CRI's, and the runtime specification's, which the task service's Update has, too.
 */
final class PodResources {
  private static final String CRI = "runtime.v1.LinuxContainerResources";

  /** containerd writes types of Go that are no protobuf messages as JSON, by this name. */
  private static final String OCI = "opencontainers/runtime-spec/1/LinuxResources";

  private PodResources() {}

  /**
   * The limits in the form of {@code linux.resources}.
   *
   * @throws CasemateException INVALID_ARGUMENT for another type, or for what is not of its type
   */
  static Json.Obj of(Any any) {
    String type = any.typeUrl();
    if (type.endsWith(OCI)) {
      return Json.parseObject(new String(any.value(), StandardCharsets.UTF_8));
    }
    if (!type.substring(type.lastIndexOf('/') + 1).equals(CRI)) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "a sandbox's resources of type \""
              + type
              + "\" are unknown; expected "
              + CRI
              + " or types"
              + ".containerd.io/"
              + OCI);
    }
    try {
      LinuxContainerResources limits = LinuxContainerResources.decode(any.value());
      return new Json.Obj()
          .put("memory", new Json.Obj().put("limit", limits.memoryLimitInBytes()))
          .put(
              "cpu",
              new Json.Obj().put("quota", limits.cpuQuota()).put("period", limits.cpuPeriod()));
    } catch (MalformedMessageException e) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "a sandbox's resources are not a valid " + CRI + ": " + e.getMessage(),
          e);
    }
  }
}
