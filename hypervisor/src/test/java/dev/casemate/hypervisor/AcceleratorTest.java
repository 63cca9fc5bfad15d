package dev.casemate.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AcceleratorTest {
  @TempDir Path root;

  private void machine(String flags, boolean kvm) throws IOException {
    Files.createDirectories(root.resolve("proc"));
    Files.createDirectories(root.resolve("dev"));
    Files.writeString(
        root.resolve("proc/cpuinfo"),
        "processor\t: 0\nmodel name\t: X\nflags\t\t: " + flags + "\nbugs\t\t: vmx_none\n");
    if (kvm) {
      Files.writeString(root.resolve("dev/kvm"), "");
    }
  }

  @Test
  void kvmNeedsTheDeviceAndTheFlag() throws IOException {
    machine("fpu svm hypervisor", true);
    Accelerator found = Accelerator.detect(root.toString());
    assertThat(found.kind()).isEqualTo(Accelerator.Kind.KVM);
    assertThat(found.reason()).contains("svm");
  }

  @Test
  void aKvmWithoutVmxOrSvmCannotRunAnOrdinaryKernel() throws IOException {
    machine("fpu hypervisor vmxx", true);
    Accelerator found = Accelerator.detect(root.toString());
    assertThat(found.kind()).isEqualTo(Accelerator.Kind.TCG);
    assertThat(found.reason()).contains("neither vmx nor svm");
  }

  @Test
  void noDeviceMeansEmulation() throws IOException {
    machine("fpu vmx", false);
    Accelerator found = Accelerator.detect(root.toString());
    assertThat(found.kind()).isEqualTo(Accelerator.Kind.TCG);
    assertThat(found.reason()).isEqualTo("/dev/kvm does not exist");
  }

  @Test
  void aHugeProcessorListIsReadInPart() throws IOException {
    machine("fpu svm", true);
    String one = Files.readString(root.resolve("proc/cpuinfo"));
    Files.writeString(
        root.resolve("proc/cpuinfo"), one + ("pad\t: " + "y".repeat(200) + "\n").repeat(20000));
    assertThat(Accelerator.detect(root.toString()).kind()).isEqualTo(Accelerator.Kind.KVM);
  }
}
