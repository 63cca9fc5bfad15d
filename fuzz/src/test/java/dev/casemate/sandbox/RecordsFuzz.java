package dev.casemate.sandbox;

import dev.casemate.base.Json;
import dev.casemate.containers.ContainerConfig;
import dev.casemate.containers.ContainerState;
import dev.casemate.containers.RootFs;
import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;

/** A container's records on disk, of which a crash may have left anything. */
@Fuzzes({
  ContainerConfig.class,
  ContainerState.class,
  StartTimings.class,
  RootFs.class,
  VmOptions.class
})
public final class RecordsFuzz {
  private RecordsFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Expect.parsed(() -> Json.parseObject(Input.text(data)))
        .ifPresent(
            json -> {
              Expect.parsed(() -> ContainerConfig.fromJson(json))
                  .ifPresent(
                      config -> Expect.same(config, ContainerConfig.fromJson(config.toJson())));
              Expect.parsed(() -> ContainerState.fromJson(json))
                  .ifPresent(state -> Expect.same(state, ContainerState.fromJson(state.toJson())));
            });
  }
}
