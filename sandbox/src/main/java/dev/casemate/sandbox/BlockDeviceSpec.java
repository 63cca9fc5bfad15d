package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.hypervisor.GuestAddress;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Stat;
import dev.casemate.linux.Text;
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

  private final Json.Obj given;
  private final Json.Obj linux;
  private final List<Json.Obj> nodes = new ArrayList<>();
  private final List<Json.Obj> rules = new ArrayList<>();
  private final List<Device> devices = new ArrayList<>();
  private final List<Wanted> wanted = new ArrayList<>();
  private boolean changed;

  private record Wanted(String containerPath, String hostPath, boolean readOnly) {}

  /** What makes a disk of a host's path and tells where it sits. */
  interface Plug {
    GuestAddress plug(String hostPath, boolean readOnly);
  }

  BlockDeviceSpec(Json.Obj spec) {
    this.given = spec;
    this.linux = spec.object("linux").orElseGet(Json.Obj::new);
    rules.addAll(resources().objects("devices"));
    for (Json.Obj node : linux.objects("devices")) {
      if (!node.string("type").equals("b")) {
        nodes.add(node);
        continue;
      }
      Optional<Json.Obj> rule = rule(node);
      if (rule.isEmpty()) {
        changed = true;
        continue;
      }
      nodes.add(node);
      wanted.add(
          new Wanted(
              node.string("path"),
              hostPath(node.integer("major", -1), node.integer("minor", -1), node.string("path")),
              !rule.get().string("access", "rwm").contains("w")));
    }
  }

  private Json.Obj resources() {
    return linux.object("resources").orElseGet(Json.Obj::new);
  }

  /** The rule that allows a device by its own numbers. */
  private Optional<Json.Obj> rule(Json.Obj node) {
    for (Json.Obj rule : rules) {
      if (rule.bool("allow", false)
          && rule.integer("major", -1) == node.integer("major", -2)
          && rule.integer("minor", -1) == node.integer("minor", -2)
          && rule.string("type", "a").equals("b")) {
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
            + ", which the container is to have as "
            + containerPath
            + ", does not exist on this host",
        cause);
  }

  /** A bind mount of a block device: the same as a device. */
  void add(String containerPath, Stat stat, boolean readOnly) {
    String hostPath = hostPath(stat.deviceMajor(), stat.deviceMinor(), containerPath);
    wanted.add(new Wanted(containerPath, hostPath, readOnly));
    nodes.add(
        new Json.Obj()
            .put("path", containerPath)
            .put("type", "b")
            .put("major", stat.deviceMajor())
            .put("minor", stat.deviceMinor())
            .put("fileMode", stat.permissions())
            .put("uid", stat.uid())
            .put("gid", stat.gid()));
    rules.add(
        new Json.Obj()
            .put("allow", true)
            .put("type", "b")
            .put("major", stat.deviceMajor())
            .put("minor", stat.deviceMinor())
            .put("access", readOnly ? "r" : "rw"));
    changed = true;
  }

  void plug(Plug plug) {
    for (Wanted disk : wanted) {
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
  Json.Obj spec() {
    if (!changed) {
      return given;
    }
    Json.Obj resources = copy(resources()).putObjects("devices", rules);
    Json.Obj newLinux = copy(linux).putObjects("devices", nodes).put("resources", resources);
    return copy(given).put("linux", newLinux);
  }

  private static Json.Obj copy(Json.Obj json) {
    Json.Obj copy = new Json.Obj();
    json.fields().forEach(copy::put);
    return copy;
  }
}
