package dev.casemate.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.hypervisor.Finding.Level;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostChecksTest {
  @TempDir Path root;

  private HostChecks checks() {
    return new HostChecks(root.toString());
  }

  private void file(String path, String text) throws IOException {
    Path file = root.resolve(path.substring(1));
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  @Test
  void anEmptyMachineLacksEverythingAndSaysWhatToDo() {
    for (Finding finding :
        List.of(checks().kvm(), checks().virtiofsd(), checks().tun(), checks().memory())) {
      assertThat(finding.level()).as(finding.id()).isNotEqualTo(Level.OK);
      assertThat(finding.meaning()).as(finding.id()).isNotEmpty();
      assertThat(finding.remedy()).as(finding.id()).isNotEmpty();
    }
  }

  @Test
  void theNewerVirtiofsdIsPreferred() throws IOException {
    file("/usr/lib/qemu/virtiofsd", "");
    assertThat(checks().virtiofsd().level()).isEqualTo(Level.OK);
    assertThat(checks().virtiofsd().detail()).contains("no longer developed", "in Rust");
    file("/usr/libexec/virtiofsd", "");
    assertThat(checks().virtiofsd().detail()).endsWith("/usr/libexec/virtiofsd");
  }

  @Test
  void cgroupLayouts() throws IOException {
    file("/proc/self/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
    file("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
    assertThat(checks().cgroups().level()).isEqualTo(Level.OK);
    assertThat(checks().cgroups().detail()).startsWith("version 2");
    file("/sys/fs/cgroup/cgroup.controllers", "hugetlb\n");
    assertThat(checks().cgroups().level()).isEqualTo(Level.WARNING);
    file(
        "/proc/self/mounts",
        "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"
            + "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n");
    assertThat(checks().cgroups().detail()).startsWith("hybrid");
    file("/proc/self/mounts", "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n");
    assertThat(checks().cgroups().detail()).isEqualTo("version 1");
    file("/proc/self/mounts", "proc /proc proc rw 0 0\n");
    assertThat(checks().cgroups().level()).isEqualTo(Level.WARNING);
  }

  @Test
  void capabilitiesThatAreMissing() throws IOException {
    // All but CAP_SYS_RESOURCE, as on many hosts that are containers.
    file("/proc/self/status", "Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\t000001fffeffffff\n");
    List<Finding> findings = checks().privileges();
    assertThat(findings)
        .extracting(Finding::level)
        .containsExactly(Level.OK, Level.OK, Level.OK, Level.WARNING);
    file(
        "/proc/self/status", "Name:\tx\nUid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n");
    assertThat(checks().privileges())
        .extracting(Finding::level)
        .containsExactly(Level.FAILURE, Level.FAILURE, Level.FAILURE, Level.WARNING);
  }

  @Test
  void whatTheJailTakes() throws IOException {
    assertThat(checks().jail().level()).isEqualTo(Level.FAILURE);
    file("/proc/self/status", "Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\t000001fffeffffff\n");
    file("/proc/sys/kernel/seccomp/actions_avail", "kill_process errno user_notif allow\n");
    for (String kind : List.of("mnt", "pid", "ipc", "uts", "net")) {
      file("/proc/sys/user/max_" + kind + "_namespaces", "1000\n");
    }
    assertThat(checks().jail().level()).isEqualTo(Level.OK);
    file("/proc/self/status", "Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\t000001fff6ffffff\n");
    assertThat(checks().jail().level()).isEqualTo(Level.WARNING);
    file("/proc/self/status", "Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\t00000000a80425fb\n");
    assertThat(checks().jail().detail()).isEqualTo("this machine or user lacks CAP_SYS_ADMIN");
    file("/proc/sys/user/max_net_namespaces", "0\n");
    assertThat(checks().jail().detail()).contains("namespaces of kind net");
    file("/proc/sys/kernel/seccomp/actions_avail", "kill_process errno allow\n");
    assertThat(checks().jail().detail()).contains("user_notif");
  }

  @Test
  void memoryLevels() throws IOException {
    file("/proc/meminfo", "MemTotal:  1 kB\nMemAvailable:   204800 kB\n");
    assertThat(checks().memory().level()).isEqualTo(Level.FAILURE);
    file("/proc/meminfo", "MemAvailable:   614400 kB\n");
    assertThat(checks().memory().level()).isEqualTo(Level.WARNING);
    file("/proc/meminfo", "MemAvailable:  8388608 kB\n");
    assertThat(checks().memory())
        .isEqualTo(Finding.ok("memory", "memory", "8192 MiB are available"));
    file("/proc/meminfo", "MemAvailable:  lots kB\n");
    assertThat(checks().memory().level()).isEqualTo(Level.FAILURE);
  }

  @Test
  void kvmInAVirtualMachineNamesItsHost() throws IOException {
    file("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu hypervisor\n");
    file("/dev/kvm", "");
    assertThat(checks().kvm().remedy()).contains("nested virtualization");
  }

  @Test
  void kvmOfAVirtualMachineIsNestedAndCostsMore() throws IOException {
    file("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu svm hypervisor\n");
    file("/dev/kvm", "");
    assertThat(checks().kvm().level()).isEqualTo(Finding.Level.OK);
    assertThat(checks().nested().detail()).contains("a VM itself", "100 µs instead of");
    file("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu svm\n");
    assertThat(checks().nested().detail()).doesNotContain("a VM itself");
  }

  @Test
  void versionsCompareAsNumbers() {
    assertThat(HostChecks.compareVersions("7.2.22", "7.2")).isPositive();
    assertThat(HostChecks.compareVersions("10.0", "7.2")).isPositive();
    assertThat(HostChecks.compareVersions("7.2", "7.2.0")).isZero();
    assertThat(HostChecks.compareVersions("6.9.9", "7.2")).isNegative();
    assertThat(HostChecks.compareVersions("", "7.2")).isNegative();
  }
}
