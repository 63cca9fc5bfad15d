package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmSnapshot;
import java.util.List;
import java.util.Map;

/**
 * A QEMU that waits for a saved state instead of booting. What was plugged into the saved VM is
 * there from the start, in the same places.
 *
 * @param disks those of the snapshot, in its order
 */
record IncomingMigration(VmSnapshot snapshot, List<Device.Disk> disks) implements Incoming {
  private static final String PROCESSOR_SUFFIX = "-x86_64-cpu";

  static IncomingMigration of(VmConfig config, VmSnapshot snapshot, List<Device.Disk> disks) {
    boolean same = disks.size() == snapshot.disks().size();
    for (int i = 0; same && i < disks.size(); i++) {
      VmSnapshot.PluggedDisk was = snapshot.disks().get(i);
      same =
          disks.get(i).id().equals(was.deviceId())
              && isName(was.deviceId())
              && was.port() >= 0
              && was.port() < config.hotplugPorts();
    }
    if (!same) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "VM "
              + config.vmId()
              + ": its disks do not match its saved state: expected "
              + snapshot.disks()
              + " in "
              + config.hotplugPorts()
              + " ports");
    }
    snapshot.processors().forEach(processor -> check(config.vmId(), processor));
    return new IncomingMigration(snapshot, List.copyOf(disks));
  }

  private static boolean isName(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != '-' && c != '_' && (c > 'z' || !Character.isLetterOrDigit(c))) {
        return false;
      }
    }
    return !text.isEmpty() && text.length() <= 40;
  }

  /** A description may come from anybody, and any device of QEMU's could be put there. */
  private static void check(String vmId, Json.Obj processor) {
    boolean valid =
        processor.string("driver").endsWith(PROCESSOR_SUFFIX)
            && isName(processor.string("driver"))
            && isName(processor.string("id"));
    for (Map.Entry<String, Json> field : processor.fields().entrySet()) {
      valid &=
          switch (field.getKey()) {
            case "driver", "id" -> field.getValue() instanceof Json.Str;
            default -> field.getKey().endsWith("-id") && field.getValue() instanceof Json.Num;
          };
    }
    if (!valid) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "VM " + vmId + ": \"" + Qmp.bounded(processor.text()) + "\" is not a processor of QEMU");
    }
  }

  @Override
  public void add(String vmId, CommandLine line) {
    for (int i = 0; i < disks.size(); i++) {
      Device.Disk disk = disks.get(i);
      int port = snapshot.disks().get(i).port();
      Json.Obj frontend = HotPlug.placed(HotPlug.diskFrontend(disk), disk.id(), port);
      DiskFiles.add(line, disk, line.own(DiskFiles.open(vmId, disk)), DiskFiles.set(port));
      line.add("-device", frontend.text());
    }
    for (Json.Obj processor : snapshot.processors()) {
      line.add("-device", processor.text());
    }
    line.add("-S", "-incoming", "defer");
  }

  /** What the configuration places, and what was plugged in. */
  @Override
  public PciLayout layout(VmConfig config) {
    return PciLayout.withDisks(config, snapshot.disks());
  }
}
