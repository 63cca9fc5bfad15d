package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class KernelModulesTest {
  @Test
  void readsGroupsInLoadOrder() {
    assertThat(KernelModules.parseGroups("base: virtio_ring virtio\next4:\n# a: b\n\nnonsense\n"))
        .containsEntry("base", List.of("virtio_ring", "virtio"))
        .containsEntry("ext4", List.of())
        .hasSize(2);
  }

  @Test
  void refusesNamesThatArePaths() {
    assertThat(KernelModules.isName("virtio_blk")).isTrue();
    assertThat(KernelModules.isName("9pnet-virtio")).isTrue();
    assertThat(KernelModules.isName("../init")).isFalse();
    assertThat(KernelModules.isName("a/b")).isFalse();
    assertThat(KernelModules.isName("")).isFalse();
    assertThat(KernelModules.isName("a".repeat(65))).isFalse();
  }
}
