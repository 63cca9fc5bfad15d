package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.hypervisor.GuestAddress;
import dev.casemate.protocol.agent.Storage;
import dev.casemate.protocol.containerd.Mount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RootDisksTest {
  @TempDir Path directory;
  private final List<String> plugged = new ArrayList<>();

  private Optional<RootPlan> plan(Mount... mounts) {
    return RootDisks.plan(
        List.of(mounts),
        "/c",
        (path, readOnly) -> {
          plugged.add(path + (readOnly ? " ro" : " rw"));
          return GuestAddress.PciPath.root(0x10 + plugged.size() - 1);
        });
  }

  private static Mount mount(String type, String source, String... options) {
    return Mount.builder().type(type).source(source).options(List.of(options)).build();
  }

  private String file(String name) throws IOException {
    return Files.createFile(directory.resolve(name)).toString();
  }

  @Test
  void oneWritableImageIsTheRoot() throws IOException {
    String image = file("1");
    RootPlan root = plan(mount("ext4", image, "loop", "rw", "noatime")).orElseThrow();
    assertThat(plugged).containsExactly(image + " rw");
    assertThat(root.path()).isEqualTo("/c/rootfs");
    Storage storage = root.storages().getFirst();
    assertThat(root.storages()).hasSize(1);
    assertThat(storage.driver()).isEqualTo("blk");
    assertThat(storage.source()).isEqualTo("10");
    assertThat(storage.options()).containsExactly("rw", "noatime");
    assertThat(storage.mountPoint()).isEqualTo("/c/rootfs");
  }

  @Test
  void anErofsImageGetsALayerAbove() throws IOException {
    String image = file("layer.erofs");
    RootPlan root = plan(mount("erofs", image, "ro", "loop")).orElseThrow();
    assertThat(plugged).containsExactly(image + " ro");
    assertThat(root.storages())
        .extracting(Storage::driver)
        .containsExactly("blk", "ephemeral", "overlayfs");
    assertThat(root.storages().getLast().options())
        .containsExactly(
            "lowerdir=/c/lower", "upperdir=/c/scratch/upper", "workdir=/c/scratch/work");
  }

  @Test
  void severalLayersInContainerdsNotation() throws IOException {
    RootPlan root =
        plan(
                mount("ext4", file("rw.img"), "rw", "loop"),
                mount("erofs", file("a.erofs"), "ro", "loop"),
                mount("erofs", file("b.erofs"), "ro", "loop"),
                mount(
                    "format/mkdir/overlay",
                    "overlay",
                    "X-containerd.mkdir.path={{ mount 0 }}/upper:0755",
                    "workdir={{ mount 0 }}/work",
                    "upperdir={{ mount 0 }}/upper",
                    "lowerdir={{ overlay 2 1 }}"))
            .orElseThrow();
    assertThat(plugged)
        .extracting(p -> p.substring(p.lastIndexOf('/') + 1))
        .containsExactly("rw.img rw", "a.erofs ro", "b.erofs ro");
    assertThat(root.storages().getLast().options())
        .containsExactly(
            "workdir=/c/disk0/work", "upperdir=/c/disk0/upper", "lowerdir=/c/disk2:/c/disk1");
    for (String wrong :
        List.of("{{ mount 3 }}", "{{ overlay 0 9 }}", "{{ source 0 }}", "{{ mount -1 }}")) {
      assertThatThrownBy(
              () ->
                  plan(
                      mount("erofs", file("x" + wrong.hashCode())),
                      mount("format/overlay", "overlay", "lowerdir=" + wrong)))
          .hasMessageContaining(wrong);
    }
  }

  @Test
  void otherKindsAreLeftToTheHost() throws IOException {
    String image = file("1");
    assertThat(plan()).isEmpty();
    assertThat(plan(mount("overlay", "overlay", "lowerdir=/a:/b"))).isEmpty();
    assertThat(plan(mount("bind", directory.toString(), "rbind"))).isEmpty();
    assertThat(plan(mount("ext4", directory.toString()))).isEmpty();
    assertThat(plan(mount("ext4", "/no/such/file"))).isEmpty();
    assertThat(plan(mount("erofs", image, "device=/another"))).isEmpty();
    assertThat(plan(mount("mkfs/ext4", image), mount("format/overlay", "o"))).isEmpty();
    assertThat(plugged).isEmpty();
  }
}
