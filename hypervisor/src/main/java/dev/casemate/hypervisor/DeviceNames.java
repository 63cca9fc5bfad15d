package dev.casemate.hypervisor;

import dev.casemate.base.CasemateException;

/** The alphabets of names that end up on a VMM's command line or in its control protocol. */
final class DeviceNames {
  private DeviceNames() {}

  static boolean isVmId(String id) {
    return id.length() <= 128 && only(id, "_.-") && !id.isEmpty() && alphanumeric(id.charAt(0));
  }

  static void check(Device device) {
    String id = device.id();
    require(
        !id.isEmpty() && id.length() <= 40 && only(id, "_-") && letter(id.charAt(0)),
        "device id",
        id,
        "a letter, then letters, digits, '_' or '-', up to 40 in all");
    switch (device) {
      case Device.Disk disk -> {
        require(disk.path().startsWith("/"), "path of disk " + id, disk.path(), "an absolute path");
        require(
            disk.serial().length() <= 20 && only(disk.serial(), "._-"),
            "serial of disk " + id,
            disk.serial(),
            "up to 20 letters, digits, '.', '_' or '-'");
      }
      case Device.Nic nic -> {
        require(
            isMac(nic.mac()), "MAC address of " + id, nic.mac(), "six bytes as 02:00:00:00:00:01");
        require(
            nic.mtu() == 0 || (nic.mtu() >= 68 && nic.mtu() <= 65535),
            "MTU of " + id,
            "" + nic.mtu(),
            "0 or 68 to 65535");
      }
      case Device.FileShare share -> {
        require(
            !share.tag().isEmpty() && share.tag().length() <= 36 && only(share.tag(), "_.-"),
            "tag of file share " + id,
            share.tag(),
            "1 to 36 letters, digits, '_', '.' or '-'");
        require(
            share.socketPath().startsWith("/"),
            "socket of file share " + id,
            share.socketPath(),
            "an absolute path");
      }
      case Device.SerialChannel serial ->
          require(
              !serial.portName().isEmpty()
                  && serial.portName().length() <= 64
                  && only(serial.portName(), "_.-"),
              "port name of " + id,
              serial.portName(),
              "1 to 64 letters, digits, '_', '.' or '-'");
      case Device.VsockChannel vsock -> {
        require(
            vsock.cid() > 2 && vsock.cid() < 0xffffffffL,
            "CID of " + id,
            "" + vsock.cid(),
            "3 to 4294967294");
        require(vsock.port() > 0, "port of " + id, "" + vsock.port(), "1 to 2147483647");
      }
    }
  }

  private static boolean isMac(String mac) {
    if (mac.length() != 17) {
      return false;
    }
    for (int i = 0; i < 17; i++) {
      char c = mac.charAt(i);
      if (i % 3 == 2 ? c != ':' : c > 'f' || Character.digit(c, 16) < 0) {
        return false;
      }
    }
    return true;
  }

  private static boolean only(String text, String others) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!alphanumeric(c) && others.indexOf(c) < 0) {
        return false;
      }
    }
    return true;
  }

  private static boolean letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }

  private static boolean alphanumeric(char c) {
    return letter(c) || (c >= '0' && c <= '9');
  }

  private static void require(boolean holds, String what, String value, String expected) {
    if (!holds) {
      throw CasemateException.of(
          CasemateException.Kind.INVALID_ARGUMENT,
          what + " \"" + value + "\" is not valid: expected " + expected);
    }
  }
}
