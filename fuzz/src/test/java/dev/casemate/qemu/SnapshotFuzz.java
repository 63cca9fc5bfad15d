package dev.casemate.qemu;

import dev.casemate.base.Json;
import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmRecord;
import dev.casemate.hypervisor.VmSnapshot;
import java.util.ArrayList;
import java.util.List;

/** A checkpoint's description of a VM, which may come from anybody, and what QEMU is told of it. */
@Fuzzes({VmSnapshot.class, VmRecord.class, IncomingMigration.class})
public final class SnapshotFuzz {
  private SnapshotFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Expect.parsed(() -> Json.parseObject(Input.text(data)))
        .ifPresent(
            json -> {
              Expect.parsed(() -> VmRecord.fromJson(json))
                  .ifPresent(
                      record ->
                          Expect.same(
                              record.toJson().text(),
                              VmRecord.fromJson(record.toJson()).toJson().text()));
              Expect.parsed(() -> VmSnapshot.fromJson(json)).ifPresent(SnapshotFuzz::restore);
            });
  }

  private static void restore(VmSnapshot snapshot) {
    Expect.same(snapshot.toJson().text(), VmSnapshot.fromJson(snapshot.toJson()).toJson().text());
    List<Device.Disk> disks = new ArrayList<>();
    for (VmSnapshot.PluggedDisk disk : snapshot.disks()) {
      disks.add(new Device.Disk(disk.deviceId(), "/disk", false));
    }
    VmConfig config = VmConfig.builder("vm", "/run/vm").kernel("/kernel").hotplugPorts(8).build();
    Expect.parsed(() -> IncomingMigration.of(config, snapshot, disks))
        .ifPresent(
            incoming -> {
              for (Json.Obj processor : incoming.snapshot().processors()) {
                // Any device of QEMU's could stand here, and any option of it.
                Expect.that(processor.string("driver").endsWith("-x86_64-cpu"), processor.text());
                for (String option : processor.fields().keySet()) {
                  Expect.that(option.equals("driver") || option.endsWith("id"), "option ", option);
                }
              }
              for (VmSnapshot.PluggedDisk disk : incoming.snapshot().disks()) {
                Expect.that(disk.port() >= 0 && disk.port() < 8, "port ", disk.port());
              }
              Expect.same(
                  config.devices().size() + disks.size(),
                  incoming.layout(config).placements().size());
            });
  }
}
