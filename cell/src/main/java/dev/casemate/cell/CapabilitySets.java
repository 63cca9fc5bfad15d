package dev.casemate.cell;

import dev.casemate.linux.Capabilities;
import dev.casemate.oci.ProcessSpec;
import java.util.List;
import java.util.Optional;

/**
 * The five sets that a process is to have, cut down to what this one has to give.
 *
 * @param available what is permitted now
 */
record CapabilitySets(long bounding, Capabilities.Sets sets, long ambient, long available) {
  static CapabilitySets of(Optional<ProcessSpec.Capabilities> spec, List<String> warnings) {
    long available = Capabilities.get().permitted();
    if (spec.isEmpty()) {
      return new CapabilitySets(0, new Capabilities.Sets(0, 0, 0), 0, available);
    }
    long bounding = mask(spec.get().bounding(), warnings);
    long permitted = mask(spec.get().permitted(), warnings);
    long effective = mask(spec.get().effective(), warnings);
    long inheritable = mask(spec.get().inheritable(), warnings);
    long ambient = mask(spec.get().ambient(), warnings);
    long missing = (permitted | effective | bounding) & ~available;
    for (int i = 0; i < Capabilities.count(); i++) {
      if ((missing & (1L << i)) != 0) {
        warnings.add(Capabilities.name(i) + " cannot be given: the runtime does not have it");
      }
    }
    permitted &= available;
    long unraised = ambient & ~(permitted & inheritable & bounding);
    for (int i = 0; i < Capabilities.count(); i++) {
      if ((unraised & (1L << i)) != 0) {
        warnings.add(
            "can't raise ambient capability "
                + Capabilities.name(i)
                + ": it is not permitted, inheritable and bounding as well");
      }
    }
    return new CapabilitySets(
        bounding,
        new Capabilities.Sets(effective & permitted, permitted, inheritable & available & bounding),
        ambient & permitted & inheritable,
        available);
  }

  private static long mask(List<String> names, List<String> warnings) {
    long mask = 0;
    for (String name : names) {
      int number = Capabilities.number(name);
      if (number >= 0) {
        mask |= 1L << number;
      } else {
        String warning = "capability " + name + " is unknown and ignored";
        if (!warnings.contains(warning)) {
          warnings.add(warning);
        }
      }
    }
    return mask;
  }
}
