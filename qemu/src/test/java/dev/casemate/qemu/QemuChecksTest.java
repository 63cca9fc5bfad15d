package dev.casemate.qemu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.hypervisor.Finding;
import dev.casemate.hypervisor.Finding.Level;
import dev.casemate.hypervisor.HostChecks;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("root")
class QemuChecksTest {
  @Test
  void thisMachineCanRunVms() {
    List<Finding> findings =
        new HostChecks("").all(new QemuDriver(), List.of("/var/lib/casemate/x"));
    assertThat(findings).extracting(Finding::id).doesNotHaveDuplicates();
    assertThat(findings).filteredOn(f -> f.level() == Level.FAILURE).isEmpty();
    assertThat(findings)
        .filteredOn(f -> f.id().equals("qemu"))
        .singleElement()
        .satisfies(f -> assertThat(f.detail()).contains("version "));
  }

  @Test
  void aMissingVmmIsAFailureWithItsPackage() {
    List<Finding> findings = new QemuDriver("/nowhere/qemu").check();
    assertThat(findings)
        .singleElement()
        .satisfies(
            f -> {
              assertThat(f.level()).isEqualTo(Level.FAILURE);
              assertThat(f.detail()).contains("/nowhere/qemu");
              assertThat(f.remedy()).contains("qemu-system-x86");
            });
  }
}
