package dev.casemate.sandbox;

import dev.casemate.base.Json;
import dev.casemate.protocol.oci.Mount;
import java.util.List;

/** The mounts of a {@code config.json}, turned into what the guest can mount. */
public final class SpecMounts {
  private SpecMounts() {}

  /** Whether a mount shows something that exists already. */
  public static boolean isBind(Json.Obj mount) {
    List<String> options = mount.strings("options");
    return mount.string("type").equals("bind")
        || options.contains("bind")
        || options.contains("rbind");
  }

  /** The mount with its source as the guest has it; what is of the host is shared. */
  public static Mount translate(Json.Obj mount, Shares shares) {
    String source = mount.string("source");
    if (isBind(mount)) {
      source = shares.add(source, ShareMode.of(mount.strings("options")));
    }
    return withSource(mount, source);
  }

  /** The mount as it is, with another source. */
  public static Mount withSource(Json.Obj mount, String source) {
    return Mount.builder()
        .destination(mount.string("destination"))
        .type(mount.string("type"))
        .source(source)
        .options(mount.strings("options"))
        .build();
  }
}
