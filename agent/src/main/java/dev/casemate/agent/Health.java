package dev.casemate.agent;

import dev.casemate.base.Release;
import dev.casemate.protocol.agent.HealthCheckResponse;
import dev.casemate.protocol.agent.VersionCheckResponse;

/** {@code grpc.Health}: whether the agent answers, and which one it is. */
final class Health {
  /** Of Kata's protocol. */
  private static final String PROTOCOL_VERSION = "0.0.1";

  private Health() {}

  static HealthCheckResponse check() {
    return HealthCheckResponse.builder().status(HealthCheckResponse.ServingStatus.SERVING).build();
  }

  static VersionCheckResponse version() {
    return VersionCheckResponse.builder()
        .grpcVersion(PROTOCOL_VERSION)
        .agentVersion(Release.VERSION)
        .build();
  }
}
