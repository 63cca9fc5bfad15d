package dev.casemate.hypervisor;

import dev.casemate.base.CasemateException;
import java.util.List;

/**
 * The address of a device in the guest, as a VMM's driver returns it and the agent receives it. The
 * text is in Kata's notation.
 */
public sealed interface GuestAddress {
  /** As Kata's agent protocol writes it. */
  String text();

  /**
   * A PCI device by the slots on the way to it: {@code 05} is slot 5 of the root bus, {@code 10/00}
   * slot 0 behind the port in slot 0x10, {@code 10.1/00} that behind the port which is function 1
   * there.
   *
   * @param slots from the root bus on, at least one
   */
  record PciPath(List<Slot> slots) implements GuestAddress {
    /**
     * A place on a bus.
     *
     * @param device 0 to 31
     * @param function 0 to 7
     */
    public record Slot(int device, int function) {
      public Slot {
        require(
            device >= 0 && device < 32 && function >= 0 && function < 8,
            "PCI slot",
            device + "." + function);
      }

      /** {@code 05}, or {@code 05.1} for another function than 0. */
      @Override
      public String toString() {
        return ""
            + Character.forDigit(device >> 4, 16)
            + Character.forDigit(device & 15, 16)
            + (function == 0 ? "" : "." + function);
      }
    }

    public PciPath {
      slots = List.copyOf(slots);
      require(!slots.isEmpty(), "PCI path", slots);
    }

    /** Function 0 of a slot of the root bus. */
    public static PciPath root(int device) {
      return new PciPath(List.of(new Slot(device, 0)));
    }

    @Override
    public String text() {
      StringBuilder text = new StringBuilder();
      for (Slot slot : slots) {
        text.append(text.isEmpty() ? "" : "/").append(slot);
      }
      return text.toString();
    }
  }

  /**
   * A virtio device without a bus, which the guest knows by what its kernel calls it.
   *
   * @param node {@code /dev/vda} for a disk; empty for a network card, which its MAC address names
   */
  record Mmio(String node) implements GuestAddress {
    public Mmio {
      require(node.isEmpty() || node.startsWith("/dev/"), "device node", node);
    }

    @Override
    public String text() {
      return node;
    }
  }

  /**
   * A device on the channel subsystem of an IBM Z.
   *
   * @param subchannelSet 0 to 3
   * @param device 0 to 65535
   */
  record Ccw(int subchannelSet, int device) implements GuestAddress {
    public Ccw {
      require(
          subchannelSet >= 0 && subchannelSet < 4 && device >= 0 && device <= 0xffff,
          "CCW device",
          subchannelSet + "." + device);
    }

    /** {@code 0.0.0005}. */
    @Override
    public String text() {
      StringBuilder text = new StringBuilder("0.").append(subchannelSet).append('.');
      for (int shift = 12; shift >= 0; shift -= 4) {
        text.append(Character.forDigit(device >> shift & 15, 16));
      }
      return text.toString();
    }
  }

  private static void require(boolean holds, String what, Object value) {
    if (!holds) {
      throw CasemateException.of(
          CasemateException.Kind.INTERNAL,
          what
              + " \""
              + value
              + "\" is not a valid guest address: this is an error in the VMM's driver");
    }
  }
}
