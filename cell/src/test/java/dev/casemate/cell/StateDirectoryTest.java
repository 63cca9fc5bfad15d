package dev.casemate.cell;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.cgroup.Cgroup;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Processes;
import dev.casemate.oci.DefaultSpec;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Spec;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateDirectoryTest {
  @TempDir Path root;

  private StateDirectory directory(String id) {
    return StateDirectory.of(root + "/deep/er", id);
  }

  private static Spec spec() {
    return DefaultSpec.container("rootfs", "box", ProcessSpec.of(List.of("sh"), List.of(), "/"));
  }

  private static ContainerRecord record(String id) {
    ContainerConfig config = new ContainerConfig(id, "/b", spec(), Cgroup.none(), false);
    return ContainerRecord.of(config, Namespaces.of(spec().linux()));
  }

  @Test
  void idsThatAreNoneAreRefused() {
    for (String id : List.of("", ".", "..", "a/b", "../x", "a b", "é", "a\0", "x".repeat(1025))) {
      assertThatThrownBy(() -> StateDirectory.checkId(id))
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining("container id");
    }
    for (String id : List.of("a", "A-b_c+d.e", "0", "..a", "x".repeat(1024))) {
      StateDirectory.checkId(id);
    }
  }

  @Test
  void theRecordComesBackAsItWas() {
    try (StateDirectory one = directory("one")) {
      one.make();
      ContainerRecord record = record("one").withProcess(42, 4711, new Json.Obj());
      one.write(record);
      one.write(spec());
      StateDirectory again = directory("one");
      assertThat(again.record().toJson().text()).isEqualTo(record.toJson().text());
      assertThat(again.spec().toJson().text()).isEqualTo(spec().toJson().text());
      assertThat(Fs.stat(one.path()).permissions()).isEqualTo(0700);
      assertThat(StateDirectory.ids(root + "/deep/er")).containsExactly("one");
    }
  }

  @Test
  void oneIdIsOneContainer() {
    try (StateDirectory one = directory("one")) {
      one.make();
      assertThatThrownBy(() -> directory("one").make())
          .isInstanceOfSatisfying(
              CasemateException.class,
              e -> assertThat(e.kind()).isEqualTo(CasemateException.Kind.ALREADY_EXISTS));
      one.remove();
      one.remove();
      directory("one").make();
      directory("one").remove();
    }
  }

  @Test
  void anUnknownContainerIsNotFound() {
    assertThat(StateDirectory.ids(root + "/missing")).isEmpty();
    assertThatThrownBy(() -> Container.load(directory("none")))
        .isInstanceOfSatisfying(
            CasemateException.class,
            e -> assertThat(e.kind()).isEqualTo(CasemateException.Kind.NOT_FOUND));
  }

  @Test
  void theStartSocketMayLieDeeperThanASocketsAddressIsLong() {
    try (StateDirectory deep = StateDirectory.of(root + "/" + "d".repeat(200), "one")) {
      deep.make();
      assertThat(deep.openGate()).isEmpty();
      try (dev.casemate.linux.Fd gate = deep.makeGate()) {
        assertThat(deep.hasGate()).isTrue();
        deep.openGate().orElseThrow().close();
        assertThat(deep.hasGate()).as("started").isFalse();
        assertThat(gate.number()).isPositive();
      }
      assertThat(deep.openGate()).as("a second start").isEmpty();
    }
  }

  @Test
  void aRecordOfAnotherProcessWithThePidIsAStoppedContainer() {
    try (StateDirectory one = directory("one")) {
      one.make();
      int own = Processes.currentPid();
      long start = Processes.startTime(own).orElseThrow();
      one.write(record("one").withProcess(own, start + 1, new Json.Obj()));
      try (Container container = Container.load(directory("one"))) {
        assertThat(container.state()).isEqualTo(Container.State.STOPPED);
        assertThatThrownBy(() -> container.signal(15)).hasMessageContaining("stopped");
      }
      one.write(record("one").withProcess(own, start, new Json.Obj()));
      try (Container container = Container.load(directory("one"))) {
        assertThat(container.state()).isEqualTo(Container.State.RUNNING);
      }
    }
  }

  @Test
  void whatAKilledCreateLeavesIsStoppedOnceNobodyIsAtWork() {
    StateDirectory one = directory("one");
    one.make();
    one.write(record("one"));
    try (Container container = Container.load(directory("one"))) {
      assertThat(container.state()).isEqualTo(Container.State.CREATING);
      one.close();
      assertThat(container.state()).isEqualTo(Container.State.STOPPED);
      container.delete(false);
    }
    assertThat(Fs.exists(one.path())).isFalse();
  }
}
