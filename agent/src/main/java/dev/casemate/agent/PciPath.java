package dev.casemate.agent;

import dev.casemate.linux.Fs;
import dev.casemate.linux.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A PCI device by the slots on the way to it, as Kata writes it: {@code 05} is slot 5 of the root
 * bus, {@code 02/00} slot 0 of the bus behind the bridge in slot 2; {@code .F} may name a function.
 * Bus numbers are the guest's own affair.
 */
record PciPath(List<Slot> slots) {
  private static final String ROOT_BUS = "0000:00";
  private static final int MAX_DEPTH = 16;

  /** A device's and a function's number on their bus. */
  record Slot(int device, int function) {
    /** {@code 05.0}, as sysfs writes it. */
    @Override
    public String toString() {
      return "" + hex(device >> 4) + hex(device & 15) + "." + function;
    }

    private static char hex(int digit) {
      return Character.forDigit(digit, 16);
    }
  }

  static PciPath parse(String text) {
    List<Slot> slots = new ArrayList<>();
    for (String part : Text.split(text, '/')) {
      int dot = part.indexOf('.');
      int device = Numbers.parseHex(dot < 0 ? part : part.substring(0, dot));
      int function = dot < 0 ? 0 : Numbers.parseHex(part.substring(dot + 1));
      if (device < 0 || device > 31 || function < 0 || function > 7) {
        throw invalid(text);
      }
      slots.add(new Slot(device, function));
    }
    if (slots.isEmpty() || slots.size() > MAX_DEPTH || text.startsWith("/")) {
      throw invalid(text);
    }
    return new PciPath(slots);
  }

  static PciPath of(List<Integer> devices) {
    List<Slot> slots = new ArrayList<>();
    for (int device : devices) {
      if (device < 0 || device > 31) {
        throw invalid(devices.toString());
      }
      slots.add(new Slot(device, 0));
    }
    if (slots.isEmpty() || slots.size() > MAX_DEPTH) {
      throw invalid(devices.toString());
    }
    return new PciPath(slots);
  }

  private static RuntimeException invalid(String text) {
    return Failures.invalid(
        "\"" + text + "\" is not a PCI path; expected hexadecimal slots such as 05 or 02/00");
  }

  /**
   * The device's directory in sysfs, if it is there by now.
   *
   * @param devices {@code /sys/devices} as a rule
   */
  Optional<String> sysfs(String devices) {
    String directory = devices + "/pci" + ROOT_BUS;
    String bus = ROOT_BUS;
    for (int i = 0; i < slots.size(); i++) {
      directory += "/" + bus + ":" + slots.get(i);
      if (!Fs.exists(directory)) {
        return Optional.empty();
      }
      if (i + 1 < slots.size()) {
        String buses = directory + "/pci_bus";
        List<String> names = Fs.exists(buses) ? Fs.list(buses) : List.of();
        if (names.isEmpty()) {
          return Optional.empty();
        }
        bus = names.get(0);
      }
    }
    return Optional.of(directory);
  }
}
