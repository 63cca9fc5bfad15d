package dev.casemate.network;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Stat;
import dev.casemate.linux.Text;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.RouteNetlink;
import java.util.List;

/**
 * Joins an interface to a VM by a macvtap: its character device is the VM's end. In the mode that
 * passes everything through the namespace's IP stack no longer sees what arrives.
 */
final class MacVtap {
  private MacVtap() {}

  static Endpoint attach(
      RouteNetlink route, NamespaceScan scan, String netnsPath, String owner, NetworkLink link) {
    Endpoint endpoint = scan.describe(link, Takeover.requireMac(link, netnsPath));
    String name = TapRedirect.freeTapName(route.links());
    route.createMacVtap(name, link.index(), endpoint.mac(), link.mtu());
    try {
      int index = route.link(name).orElseThrow().index();
      route.setAlias(index, Names.tapAlias(owner, link.name()));
      route.noLinkLocalAddress(index);
      if (!link.isUp()) {
        route.setUp(link.index());
      }
      route.setUp(index);
      return endpoint.joined(Joint.MACVTAP, name);
    } catch (RuntimeException e) {
      Takeover.deleteLink(route, name);
      throw e;
    }
  }

  /**
   * Opens a macvtap's character device. Its node in {@code /dev}, if there is one, is named by the
   * interface's index, which another namespace's macvtap may have as well: the device's number is
   * read from the namespace's own sysfs, and a node made where nobody else can see it.
   */
  static Fd open(String netnsPath, String name) {
    return NetworkNamespace.run(
        netnsPath,
        () -> {
          int index;
          try (RouteNetlink route = RouteNetlink.open()) {
            index =
                route
                    .link(name)
                    .orElseThrow(
                        () ->
                            CasemateException.of(
                                CasemateException.Kind.NOT_FOUND,
                                "network namespace " + netnsPath + " has no interface " + name))
                    .index();
          }
          // This thread ends with the task, and with it the mounts.
          Processes.unshare(Processes.CLONE_NEWNS);
          Mounts.mount("", "/", "", Mounts.REC | Mounts.PRIVATE, "");
          Mounts.mount("sysfs", "/sys", "sysfs", 0, "");
          return openNode("/sys/class/net/" + name + "/tap" + index + "/dev", name);
        });
  }

  private static Fd openNode(String numberFile, String name) {
    List<String> number;
    try {
      number = Text.split(FileContent.readString(numberFile, 64).strip(), ':');
    } catch (LinuxException e) {
      throw CasemateException.of(
          CasemateException.Kind.FAILED_PRECONDITION,
          "macvtap " + name + " has no character device: " + e.getMessage(),
          e);
    }
    Mounts.mount("tmpfs", "/sys", "tmpfs", 0, "mode=0700");
    Fs.makeNode(
        "/sys/tap",
        Stat.CHARACTER | 0600,
        Integer.parseInt(number.get(0)),
        Integer.parseInt(number.get(1)));
    return Fs.open("/sys/tap", OpenFlag.READ_WRITE);
  }
}
