package dev.casemate.sandbox;

import dev.casemate.base.Json;
import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.protocol.oci.LinuxResources;
import dev.casemate.protocol.oci.Process;
import dev.casemate.protocol.oci.Spec;
import java.util.List;

/** A bundle's {@code config.json} on its way to the guest: what belongs to the host stays here. */
@Fuzzes({GuestSpec.class, SpecMounts.class, BlockDeviceSpec.class, RelayedResolver.class})
public final class BundleFuzz {
  private static final List<NamespaceScope> SCOPES =
      List.of(
          NamespaceScope.ALONE,
          new NamespaceScope(true, NamespaceScope.Pids.SHARED),
          new NamespaceScope(true, NamespaceScope.Pids.MACHINE));

  private BundleFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Input input = new Input(data);
    NamespaceScope scope = input.choose(SCOPES);
    String text = Input.text(input.rest());
    RelayedResolver.loopback(text)
        .forEach(address -> Expect.that(address.isLoopback(), "not loopback: ", address));
    Expect.parsed(() -> Json.parseObject(text)).ifPresent(spec -> translate(spec, scope));
  }

  private static void translate(Json.Obj spec, NamespaceScope scope) {
    Expect.parsed(() -> GuestSpec.translate(spec, "/root", List.of(), scope))
        .ifPresent(
            guest -> {
              Expect.same(guest, Spec.decode(guest.encode()));
              Expect.that(guest.hooks().isEmpty(), "hooks for the guest");
              guest
                  .linux()
                  .ifPresent(
                      linux ->
                          linux
                              .namespaces()
                              .forEach(
                                  n -> Expect.that(n.path().isEmpty(), "a path of the host's")));
            });
    Expect.parsed(() -> GuestSpec.process(spec))
        .ifPresent(process -> Expect.same(process, Process.decode(process.encode())));
    Expect.parsed(() -> GuestSpec.resources(spec))
        .ifPresent(limits -> Expect.same(limits, LinuxResources.decode(limits.encode())));
    Expect.parsed(() -> GuestSpec.user(spec));
    Expect.parsed(() -> new BlockDeviceSpec(spec).spec());
    for (Json.Obj mount : Expect.parsed(() -> spec.objects("mounts")).orElse(List.of())) {
      Expect.parsed(() -> SpecMounts.isBind(mount));
    }
  }
}
