package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import dev.casemate.oci.IdMapping;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.MountSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MountIdsTest {
  private static final MountIds SHIFTED = MountIds.parse("0:65536:65536", "0:100000:1000");

  private static MountSpec mount(String rest) {
    return MountSpec.fromJson(
        Json.parseObject(
            "{\"destination\":\"/v\",\"type\":\"bind\",\"source\":\"/s\"" + rest + "}"));
  }

  @Test
  void aMountWithoutMapsHasTheHostsOwners() {
    MountIds ids = MountIds.of(mount(""), LinuxSpec.EMPTY);
    assertThat(ids.isNone()).isTrue();
    assertThat(ids.uid(7)).isEqualTo(7);
    assertThat(ids.gid(0)).isZero();
  }

  @Test
  void ownersAreMappedAndStrangersAreNobody() {
    assertThat(SHIFTED.uid(0)).isEqualTo(65536);
    assertThat(SHIFTED.uid(65535)).isEqualTo(131071);
    assertThat(SHIFTED.uid(65536)).isEqualTo(65534);
    assertThat(SHIFTED.gid(999)).isEqualTo(100_999);
    assertThat(SHIFTED.gid(1000)).isEqualTo(65534);
  }

  @Test
  void theOptionAloneMeansTheContainersMaps() {
    LinuxSpec linux =
        LinuxSpec.EMPTY
            .withUidMappings(List.of(new IdMapping(0, 5000, 10)))
            .withGidMappings(List.of(new IdMapping(0, 6000, 10)));
    MountIds ids = MountIds.of(mount(",\"options\":[\"rbind\",\"ridmap\"]"), linux);
    assertThat(ids.uid(1)).isEqualTo(5001);
    assertThat(ids.gid(1)).isEqualTo(6001);
    assertThat(ids.recursive()).isTrue();
    assertThat(MountIds.without(mount(",\"options\":[\"rbind\",\"ridmap\"]")).options())
        .containsExactly("rbind");
    assertThatThrownBy(() -> MountIds.of(mount(",\"options\":[\"idmap\"]"), LinuxSpec.EMPTY))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("mount at /v");
  }

  @Test
  void oneMapAloneIsRefused() {
    assertThatThrownBy(
            () ->
                MountIds.of(
                    mount(",\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]"),
                    LinuxSpec.EMPTY))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("gidMappings");
  }

  @Test
  void textThatIsNoMapIsRefusedByName() {
    assertThat(MountIds.parse("0:1:2,5:6:7", "0:1:2").uids())
        .containsExactly(new IdMapping(0, 1, 2), new IdMapping(5, 6, 7));
    for (String wrong : List.of("", "0:1", "0:1:2:3", "a:b:c", "0:-1:2", "0:1:2 ")) {
      assertThatThrownBy(() -> MountIds.parse(wrong, "0:1:2"))
          .as(wrong)
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining("uidmap");
    }
  }

  private static Stat owner(Path file, MountIds ids) {
    try (Fd path = Fs.open(file.toString(), OpenFlag.PATH);
        Fd tree = Mounts.openTree(path, "", Mounts.OPEN_TREE_CLONE)) {
      ids.apply(tree, file.toString());
      return Fs.stat(tree);
    }
  }

  @Test
  @Tag("root")
  void aMappedMountShowsTheMappedOwner(@TempDir Path directory) throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "x");
    Fs.chown(file.toString(), 3, 4);
    assertThat(owner(file, MountIds.NONE).uid()).isEqualTo(3);
    assertThat(owner(file, SHIFTED).uid()).isEqualTo(65539);
    assertThat(owner(file, SHIFTED).gid()).isEqualTo(100_004);
  }

  @Test
  @Tag("root")
  void aFileSystemThatCannotBeMappedIsRefusedByName() {
    assertThatThrownBy(() -> owner(Path.of("/proc"), SHIFTED))
        .isInstanceOf(CasemateException.class)
        .hasMessageStartingWith("/proc cannot be mounted with other ids");
  }

  @Test
  @Tag("root")
  void mapsThatTheKernelDoesNotTakeAreRefusedByName() {
    MountIds twice = MountIds.parse("0:1:5,0:9:5", "0:1:5");
    assertThatThrownBy(() -> owner(Path.of("/"), twice))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("0 1 5,0 9 5");
  }

  @Test
  @Tag("root")
  void theNamespaceOfAMapLeavesNoProcess() {
    String before = FileContent.readString("/proc/thread-self/children", 1 << 16);
    MappingNamespace.make(SHIFTED.uids(), SHIFTED.gids()).close();
    assertThat(FileContent.readString("/proc/thread-self/children", 1 << 16)).isEqualTo(before);
  }
}
