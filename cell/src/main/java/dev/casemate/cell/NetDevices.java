package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.netlink.NetworkAddress;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.RouteNetlink;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Moves network devices from the engine's network namespace to a container's, with their global
 * addresses, and sets them up there (runtime-spec config-linux.md, "Network Devices"). When the
 * namespace ends, the kernel gives hardware back to the machine and removes the rest.
 */
final class NetDevices {
  /** IFNAMSIZ without the end. */
  private static final int NAME_LIMIT = 15;

  /** IFA_F_PERMANENT: what no lease and no router has given. */
  private static final int PERMANENT = 0x80;

  private record Device(NetworkLink link, String name, List<NetworkAddress> addresses) {}

  private NetDevices() {}

  /** Refuses names that are none, and devices that would stay where they are. */
  static void check(Map<String, String> devices, Namespaces namespaces) {
    if (devices.isEmpty()) {
      return;
    }
    if (!namespaces.has(Processes.CLONE_NEWNET)) {
      throw Failures.invalid(
          "unable to move network devices without a NET namespace: linux.netDevices needs"
              + " \"network\" in linux.namespaces; add it");
    }
    Map<String, String> names = new LinkedHashMap<>();
    devices.forEach(
        (from, to) -> {
          checkName(from);
          if (!to.isEmpty()) {
            checkName(to);
          }
          String other = names.put(to.isEmpty() ? from : to, from);
          if (other != null) {
            throw Failures.invalid(
                "linux.netDevices: \""
                    + other
                    + "\" and \""
                    + from
                    + "\" get the same name in the container; rename one");
          }
        });
  }

  private static void checkName(String name) {
    boolean good =
        !name.isEmpty() && name.length() <= NAME_LIMIT && !name.equals(".") && !name.equals("..");
    for (int i = 0; i < name.length() && good; i++) {
      char c = name.charAt(i);
      good = c > ' ' && c < 0x7f && c != '/' && c != ':' && c != '%';
    }
    if (!good) {
      throw Failures.invalid(
          "invalid network device name: linux.netDevices holds \""
              + name
              + "\"; use 1 to 15 characters without blanks, \"/\", \":\" and \"%\"");
    }
  }

  /** Moves the devices to a namespace; none is moved if one does not exist. */
  static void move(Map<String, String> wanted, Fd namespace) {
    List<Device> devices = new ArrayList<>();
    try (RouteNetlink here = RouteNetlink.open()) {
      wanted.forEach((from, to) -> devices.add(find(here, from, to.isEmpty() ? from : to)));
      for (Device device : devices) {
        here.moveToNamespace(device.link().index(), namespace, device.name());
      }
    } catch (LinuxException e) {
      throw Failures.of("linux.netDevices", e);
    }
    try (Fd own = InitProcess.open("/proc/self/ns/net")) {
      Processes.joinNamespace(namespace, Processes.CLONE_NEWNET);
      try (RouteNetlink there = RouteNetlink.open()) {
        devices.forEach(device -> setUp(there, device));
      } finally {
        Processes.joinNamespace(own, Processes.CLONE_NEWNET);
      }
    } catch (LinuxException e) {
      throw Failures.of("linux.netDevices in the container", e);
    }
  }

  private static Device find(RouteNetlink here, String from, String to) {
    NetworkLink link =
        here.link(from)
            .orElseThrow(
                () ->
                    CasemateException.of(
                        CasemateException.Kind.NOT_FOUND,
                        "linux.netDevices: there is no network device \""
                            + from
                            + "\" in the runtime's network namespace; correct the name"));
    List<NetworkAddress> addresses = new ArrayList<>();
    for (NetworkAddress address : here.addresses()) {
      if (address.linkIndex() == link.index()
          && address.isGlobal()
          && (address.flags() & PERMANENT) != 0) {
        addresses.add(address);
      }
    }
    return new Device(link, to, addresses);
  }

  private static void setUp(RouteNetlink there, Device device) {
    int index = there.link(device.name()).orElseThrow().index();
    for (NetworkAddress address : device.addresses()) {
      there.addAddress(index, address.network());
    }
    there.setUp(index);
  }
}
