package dev.casemate.oci;

import dev.casemate.base.Json;
import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;

/** A bundle's {@code config.json} (runtime-spec, config.md), and the process of an exec. */
@Fuzzes({
  Spec.class,
  ProcessSpec.class,
  ProcessSpec.Capabilities.class,
  UserSpec.class,
  RootSpec.class,
  MountSpec.class,
  HooksSpec.class,
  HookSpec.class,
  LinuxSpec.class,
  LinuxSpec.IntelRdt.class,
  DeviceSpec.class,
  IdMapping.class,
  SeccompSpec.class,
  Resources.class,
  Resources.DeviceRule.class,
  Resources.Memory.class,
  Resources.Cpu.class,
  Resources.Network.class,
  Resources.ThrottleDevice.class,
  Resources.BlockIo.class
})
public final class SpecFuzz {
  private SpecFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    String text = Input.text(data);
    Expect.parsed(() -> Spec.parse(text))
        .ifPresent(spec -> Expect.same(spec, Spec.fromJson(spec.toJson())));
    Expect.parsed(() -> ProcessSpec.fromJson(Json.parseObject(text)));
    Expect.parsed(() -> Resources.fromJson(Json.parseObject(text)));
  }
}
