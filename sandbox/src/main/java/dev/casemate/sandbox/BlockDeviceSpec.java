package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.hypervisor.GuestAddress;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Stat;
import dev.casemate.linux.Text;
import dev.casemate.oci.DeviceSpec;
import dev.casemate.oci.Resources.DeviceRule;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.agent.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The block devices of a container's specification. Those that it is given by name become disks of
 * the VM; a privileged container's, which are all that the host has, do not: the host's own disks
 * are none of a guest's business.
 */
final class BlockDeviceSpec {
  private static final int UEVENT_LIMIT = 4096;

  private final Spec given;
  private final List<DeviceSpec> nodes = new ArrayList<>();
  private final List<DeviceRule> rules = new ArrayList<>();
  private final List<Device> devices = new ArrayList<>();
  private final List<Wanted> wanted = new ArrayList<>();
  private final List<String> left = new ArrayList<>();
  private boolean changed;

  private record Wanted(String containerPath, String hostPath, boolean readOnly) {}

  /** What makes a disk of a host's path and tells where it sits. */
  interface Plug {
    GuestAddress plug(String hostPath, boolean readOnly);
  }

  BlockDeviceSpec(Spec spec) {
    this.given = spec;
    rules.addAll(spec.linux().resources().devices());
    for (DeviceSpec node : spec.linux().devices()) {
      if (!node.type().equals("b")) {
        nodes.add(node);
        continue;
      }
      Optional<DeviceRule> rule = rule(node);
      if (rule.isEmpty()) {
        changed = true;
        left.add(node.path());
        continue;
      }
      nodes.add(node);
      String access = rule.get().access();
      wanted.add(
          new Wanted(
              node.path(),
              hostPath(node.major(), node.minor(), node.path()),
              !access.isEmpty() && !access.contains("w")));
    }
  }

  /** What is not passed on, in a line; empty for nothing. */
  Optional<String> warning() {
    return left.isEmpty()
        ? Optional.empty()
        : Optional.of(
            "linux.devices \""
                + left.get(0)
                + "\""
                + (left.size() > 1
                    ? " and " + (left.size() - 1) + " more block devices are"
                    : " is")
                + " not passed to the VM: no rule in linux.resources.devices allows it by its"
                + " number, as for a device that was asked for");
  }

  /** The rule that allows a device by its own numbers. */
  private Optional<DeviceRule> rule(DeviceSpec node) {
    for (DeviceRule rule : rules) {
      if (rule.allow()
          && rule.type().equals("b")
          && rule.major().equals(Optional.of(node.major()))
          && rule.minor().equals(Optional.of(node.minor()))) {
        return Optional.of(rule);
      }
    }
    return Optional.empty();
  }

  private static String hostPath(long major, long minor, String containerPath) {
    String number = major + ":" + minor;
    try {
      for (String line :
          Text.split(
              FileContent.readString("/sys/dev/block/" + number + "/uevent", UEVENT_LIMIT), '\n')) {
        if (line.startsWith("DEVNAME=")) {
          return "/dev/" + line.substring("DEVNAME=".length());
        }
      }
    } catch (LinuxException e) {
      throw missing(number, containerPath, e);
    }
    throw missing(number, containerPath, new LinuxException("look up", number, 2));
  }

  private static CasemateException missing(String number, String containerPath, Throwable cause) {
    return CasemateException.of(
        Kind.NOT_FOUND,
        "block device "
            + number
            + ", requested in the container as "
            + containerPath
            + ", does not exist on this host",
        cause);
  }

  /** A bind mount of a block device: the same as a device. */
  void add(String containerPath, Stat stat, boolean readOnly) {
    String hostPath = hostPath(stat.deviceMajor(), stat.deviceMinor(), containerPath);
    wanted.add(new Wanted(containerPath, hostPath, readOnly));
    nodes.add(
        new DeviceSpec(
            containerPath,
            "b",
            stat.deviceMajor(),
            stat.deviceMinor(),
            Optional.of(stat.permissions()),
            Optional.of(stat.uid()),
            Optional.of(stat.gid())));
    rules.add(
        new DeviceRule(
            true,
            "b",
            Optional.of(stat.deviceMajor()),
            Optional.of(stat.deviceMinor()),
            readOnly ? "r" : "rw"));
    changed = true;
  }

  /**
   * Plugs in what is wanted.
   *
   * @throws CasemateException INVALID_ARGUMENT for a container with a user namespace
   */
  void plug(Plug plug) {
    for (Wanted disk : wanted) {
      if (given.linux().namespace("user").isPresent()) {
        throw CasemateException.of(
            Kind.INVALID_ARGUMENT,
            "block device "
                + disk.containerPath()
                + ": a container with a user namespace can have no device node of the VM's; remove"
                + " the device, or use no user namespace");
      }
      devices.add(
          GuestDisks.device(plug.plug(disk.hostPath(), disk.readOnly()))
              .containerPath(disk.containerPath())
              .build());
    }
  }

  List<Device> devices() {
    return devices;
  }

  /** The specification with the devices that the guest gets. */
  Spec spec() {
    return changed
        ? given.withLinux(
            given
                .linux()
                .withDevices(nodes)
                .withResources(given.linux().resources().withDevices(rules)))
        : given;
  }
}
