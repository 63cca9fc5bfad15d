package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ContainersTest {
  @ParameterizedTest
  @ValueSource(strings = {"", ".", "..", "a/b", "a b", "a\nb", "é", ".hidden"})
  void refusesNamesThatCannotBePartOfAPath(String id) {
    assertThatThrownBy(() -> new Containers().reserve(id)).isInstanceOf(CasemateException.class);
  }

  @Test
  void givesAnIdToOneContainerAtATime() {
    Containers containers = new Containers();
    containers.reserve("c1");
    assertThatThrownBy(() -> containers.reserve("c1")).hasMessageContaining("already");
    containers.release("c1");
    containers.reserve("c1");
    assertThatThrownBy(() -> containers.find("c2\u001b[2J")).hasMessageContaining("c2?[2J");
  }

  @Test
  void choosesControlGroups() {
    assertThat(CreateContainer.cgroupPath("", "c1")).isEqualTo("/casemate/c1");
    assertThat(CreateContainer.cgroupPath("/docker//c1/", "c1")).isEqualTo("/docker/c1");
    assertThat(CreateContainer.cgroupPath("system.slice:crio:c1", "c1"))
        .isEqualTo("/system.slice/crio-c1");
    assertThatThrownBy(() -> CreateContainer.cgroupPath("/a/../..", "c1"))
        .isInstanceOf(CasemateException.class);
    assertThatThrownBy(() -> CreateContainer.cgroupPath("/cgroup.procs", "c1"))
        .isInstanceOf(CasemateException.class);
  }
}
