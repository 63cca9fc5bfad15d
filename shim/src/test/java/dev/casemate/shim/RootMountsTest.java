package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.Fs;
import dev.casemate.linux.Mounts;
import dev.casemate.protocol.containerd.Mount;
import dev.casemate.sandbox.MountIds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("root")
class RootMountsTest {
  @TempDir Path directory;

  private static Mount mount(String type, String source, String target, String... options) {
    return Mount.builder()
        .type(type)
        .source(source)
        .target(target)
        .options(List.of(options))
        .build();
  }

  private Path make(String name) throws IOException {
    return Files.createDirectories(directory.resolve(name));
  }

  private List<Mounts.Info> mounted(Path place) {
    return Mounts.list().stream().filter(m -> Path.of(m.target()).startsWith(place)).toList();
  }

  private void unmount(Path place) {
    for (Mounts.Info mount : mounted(place).reversed()) {
      Mounts.unmount(mount.target(), Mounts.DETACH);
    }
  }

  @Test
  void aBindHasItsAttributesAndThoseBelowHaveThemToo() throws IOException {
    Path source = make("source");
    make("source/below");
    Path place = make("place");
    Mounts.mount("tmpfs", source + "/below", "tmpfs", 0, "size=64k");
    try {
      RootMounts.mount(
          List.of(mount("bind", source.toString(), "", "rbind", "ro", "nosuid", "noatime")),
          place.toString());
      assertThat(mounted(place))
          .extracting(Mounts.Info::target)
          .containsExactly(place.toString(), place + "/below");
      for (Mounts.Info mount : mounted(place)) {
        assertThat(List.of(mount.options().split(",")))
            .contains("ro", "nosuid", "noatime")
            .doesNotContain("nodev", "relatime");
        assertThat(mount.optional()).isEmpty();
      }
    } finally {
      unmount(place);
      Mounts.unmount(source + "/below", Mounts.DETACH);
    }
  }

  @Test
  void severalAreMountedOneOverAndBelowTheOther() throws IOException {
    Path lower = make("lower");
    Files.writeString(lower.resolve("file"), "lower");
    Path other = make("other");
    Files.writeString(other.resolve("file"), "other");
    Path place = make("place");
    String overlay = "lowerdir=" + lower + ",upperdir=" + make("up") + ",workdir=" + make("work");
    try {
      RootMounts.mount(
          List.of(
              mount("tmpfs", "tmpfs", "/", "size=64k"),
              mount("overlay", "overlay", "", overlay),
              mount("bind", other.toString(), "/a/./b", "bind")),
          place.toString());
      assertThat(place.resolve("file")).hasContent("lower");
      assertThat(place.resolve("a/b/file")).hasContent("other");
      assertThat(directory.resolve("up/a/b")).isEmptyDirectory();
    } finally {
      unmount(place);
    }
  }

  private static int uid(Path path) {
    return Fs.stat(path.toString()).uid();
  }

  @Test
  void anOverlayWithIdMapsHasMappedLayers() throws IOException {
    Path top = make("top");
    Path base = make("base");
    Files.writeString(top.resolve("of-top"), "1");
    Files.writeString(base.resolve("of-base"), "2");
    Path up = make("up");
    Fs.chown(up.toString(), 65536, 65536);
    Path place = make("place");
    String[] options = {
      "uidmap=0:65536:65536",
      "gidmap=0:65536:65536",
      "workdir=" + make("work"),
      "upperdir=" + up,
      "lowerdir=" + top + ":" + base
    };
    try {
      RootMounts.mount(List.of(mount("overlay", "overlay", "", options)), place.toString());
      assertThat(place.resolve("of-top")).hasContent("1");
      assertThat(place.resolve("of-base")).hasContent("2");
      assertThat(uid(place)).isEqualTo(65536);
      assertThat(uid(place.resolve("of-top"))).isEqualTo(65536);
      assertThat(uid(place.resolve("of-base"))).isEqualTo(65536);
      assertThat(uid(base.resolve("of-base"))).isZero();
      Fs.chmod(place.resolve("of-base").toString(), 0600);
      assertThat(uid(up.resolve("of-base"))).isEqualTo(65536);
    } finally {
      unmount(place);
    }
  }

  @Test
  void aBindWithIdMapsIsMapped() throws IOException {
    Path source = make("source");
    Path place = make("place");
    try {
      RootMounts.mount(
          List.of(mount("bind", source.toString(), "", "uidmap=0:5:9", "gidmap=0:6:9", "rbind")),
          place.toString());
      assertThat(uid(place)).isEqualTo(5);
    } finally {
      unmount(place);
    }
  }

  @Test
  void aRootThatCannotBeMappedIsRefusedByName() throws IOException {
    Path place = make("place");
    assertThatThrownBy(
            () ->
                RootMounts.mount(
                    List.of(mount("tmpfs", "tmpfs", "", "uidmap=0:5:9", "gidmap=0:6:9")),
                    place.toString()))
        .hasMessageContaining("type tmpfs has option uidmap");
    assertThatThrownBy(
            () ->
                RootMounts.mount(
                    List.of(mount("overlay", "overlay", "", "uidmap=0:5:9")), place.toString()))
        .hasMessageContaining("gidmap is missing");
    assertThat(mounted(place)).isEmpty();
  }

  @Test
  void aLinkInTheRootLeadsNowhere() throws IOException {
    Path image = make("image");
    Path victim = make("victim");
    Files.createSymbolicLink(image.resolve("link"), victim);
    Files.createFile(image.resolve("plain"));
    Path place = make("place");
    for (String target : List.of("link", "link/new", "../victim", "plain", "a/../../victim")) {
      try {
        assertThatThrownBy(
                () ->
                    RootMounts.mount(
                        List.of(
                            mount("bind", image.toString(), "", "bind"),
                            mount("tmpfs", "tmpfs", target, "size=64k")),
                        place.toString()))
            .hasMessageContaining(target);
      } finally {
        unmount(place);
      }
      assertThat(victim).isEmptyDirectory();
      assertThat(mounted(victim)).isEmpty();
    }
  }

  @Test
  void separatesFlagsFromData() {
    RootMounts.Options options =
        RootMounts.Options.parse(
            List.of("ro", "nosuid", "index=off", "workdir=/w", "upperdir=/u", "lowerdir=/a:/b"));

    assertThat(options.flags()).isEqualTo(Mounts.RDONLY | Mounts.NOSUID);
    assertThat(options.data()).isEqualTo("index=off,workdir=/w,upperdir=/u,lowerdir=/a:/b");
  }

  @Test
  void knowsBinds() {
    assertThat(RootMounts.Options.parse(List.of("rbind", "rw")))
        .isEqualTo(new RootMounts.Options(Mounts.BIND | Mounts.REC, "", MountIds.NONE));
  }
}
