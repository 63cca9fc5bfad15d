package dev.casemate.agent;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Stat;
import dev.casemate.oci.DeviceSpec;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.Resources;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.GuestContract;
import dev.casemate.protocol.agent.Device;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Block devices of a specification: the host knows where they are plugged in, only the guest knows
 * their numbers.
 */
final class DeviceNumbers {
  private static final int TIMEOUT_MILLIS = 20_000;

  private DeviceNumbers() {}

  /** Waits for the devices and puts their numbers into the specification. */
  static void resolve(
      Agent agent,
      List<Device> devices,
      Spec spec,
      Consumer<Spec> done,
      Consumer<Throwable> failed) {
    if (devices.isEmpty()) {
      done.accept(spec);
      return;
    }
    Device device = devices.getFirst();
    List<Device> rest = devices.subList(1, devices.size());
    try {
      if (!device.type().equals("blk") && !device.type().equals("mmioblk")) {
        throw new RpcException(
            RpcStatus.UNIMPLEMENTED,
            "device type \"" + device.type() + "\" is unknown; expected blk or mmioblk");
      }
      agent.modules().loadGroup(GuestContract.BLOCK_MODULES);
      String source = device.type().equals("blk") ? device.id() : device.vmPath();
      agent
          .uevents()
          .await(
              agent.loop(),
              TIMEOUT_MILLIS,
              () -> BlockDevices.find(source),
              node -> {
                Spec next;
                try {
                  next = apply(spec, device, node);
                } catch (RuntimeException e) {
                  failed.accept(e);
                  return;
                }
                resolve(agent, rest, next, done, failed);
              });
    } catch (RuntimeException e) {
      failed.accept(e);
    }
  }

  private static Spec apply(Spec spec, Device device, Optional<String> node) {
    if (node.isEmpty()) {
      throw CasemateException.of(
          Kind.TIMEOUT,
          "no block device appeared at " + device.id() + " within " + TIMEOUT_MILLIS + " ms");
    }
    if (device.containerPath().isEmpty()) {
      return spec;
    }
    Stat stat = Fs.stat(node.get());
    return renumber(spec, device.containerPath(), stat.deviceMajor(), stat.deviceMinor());
  }

  /** Gives a device node, and the rules on it, other numbers. */
  static Spec renumber(Spec spec, String path, int major, int minor) {
    LinuxSpec linux = spec.linux();
    List<DeviceSpec> devices = new ArrayList<>();
    Optional<DeviceSpec> old = Optional.empty();
    for (DeviceSpec device : linux.devices()) {
      if (device.path().equals(path)) {
        old = Optional.of(device);
        devices.add(
            new DeviceSpec(
                path, device.type(), major, minor, device.fileMode(), device.uid(), device.gid()));
      } else {
        devices.add(device);
      }
    }
    if (old.isEmpty()) {
      throw Failures.invalid("the specification has no device " + path);
    }
    return spec.withLinux(
        linux
            .withDevices(devices)
            .withResources(rules(linux.resources(), old.get(), major, minor)));
  }

  private static Resources rules(Resources resources, DeviceSpec old, int major, int minor) {
    List<Resources.DeviceRule> rules = new ArrayList<>();
    for (Resources.DeviceRule rule : resources.devices()) {
      boolean same =
          rule.type().equals(old.type())
              && rule.major().equals(Optional.of(old.major()))
              && rule.minor().equals(Optional.of(old.minor()));
      rules.add(
          same
              ? new Resources.DeviceRule(
                  rule.allow(), rule.type(), Optional.of(major), Optional.of(minor), rule.access())
              : rule);
    }
    return resources.withDevices(rules);
  }
}
