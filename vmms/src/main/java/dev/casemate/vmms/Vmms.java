package dev.casemate.vmms;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.hypervisor.Vmm;
import dev.casemate.qemu.QemuDriver;
import java.util.List;

/** The VMM drivers of this build. A new driver is named here and nowhere else. */
public final class Vmms {
  /** The driver that a sandbox gets whose configuration names none. */
  public static final String DEFAULT = "qemu";

  private static final List<String> NAMES = List.of(DEFAULT);

  private Vmms() {}

  /** The names of all drivers, the default one first. */
  public static List<String> names() {
    return NAMES;
  }

  /** Whether there is a driver of that name. */
  public static boolean has(String name) {
    return NAMES.contains(name);
  }

  /**
   * The driver with this name.
   *
   * @throws CasemateException INVALID_ARGUMENT if there is none; the message lists the known names
   */
  public static Vmm named(String name) {
    return switch (name) {
      case DEFAULT -> new QemuDriver();
      default ->
          throw CasemateException.of(
              Kind.INVALID_ARGUMENT,
              "hypervisor \""
                  + name
                  + "\" is unknown; this build has: "
                  + String.join(", ", NAMES));
    };
  }
}
