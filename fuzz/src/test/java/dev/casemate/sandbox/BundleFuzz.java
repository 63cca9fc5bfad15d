package dev.casemate.sandbox;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.GuestContract;
import java.util.List;

/** A bundle's {@code config.json} on its way to the guest: what belongs to the host stays here. */
@Fuzzes({
  GuestSpec.class,
  SpecMounts.class,
  MountIds.class,
  BlockDeviceSpec.class,
  RelayedResolver.class
})
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
    Expect.parsed(() -> MountIds.parse(text, "0:1:2"));
    Expect.parsed(() -> Spec.parse(text)).ifPresent(spec -> translate(spec, scope));
  }

  private static void translate(Spec spec, NamespaceScope scope) {
    Expect.parsed(() -> GuestSpec.of(spec, "/root", List.of(), scope, warning -> {}))
        .ifPresent(
            guest -> {
              Expect.that(
                  guest.hooks().equals(guest.hooks().ofContainer()), "the host's hooks in it");
              for (LinuxSpec.Namespace namespace : guest.linux().namespaces()) {
                boolean users = namespace.path().equals(GuestContract.USER_NAMESPACE);
                Expect.that(namespace.path().isEmpty() || users, "a path of the host's");
              }
            });
    spec.process().ifPresent(GuestSpec::user);
    Expect.parsed(() -> new BlockDeviceSpec(spec).spec());
    for (MountSpec mount : spec.mounts()) {
      SpecMounts.isBind(mount);
      Expect.parsed(() -> MountIds.of(mount, spec.linux()))
          .ifPresent(ids -> Expect.that(ids.isNone() == ids.gids().isEmpty(), "half of a map"));
    }
  }
}
