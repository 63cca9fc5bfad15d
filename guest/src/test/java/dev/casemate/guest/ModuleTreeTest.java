package dev.casemate.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModuleTreeTest {
  @TempDir Path root;

  @BeforeEach
  void fill() throws IOException {
    Path drivers = Files.createDirectories(root.resolve("kernel/drivers"));
    Files.write(drivers.resolve("ring.ko"), SampleKernel.module("depends=", "vermagic=6.1 SMP"));
    Files.write(
        drivers.resolve("virtio-rng.ko"),
        SampleKernel.module("depends=ring,core", "softdep=pre: helper gone post: later"));
    Files.write(drivers.resolve("helper.ko"), SampleKernel.module("depends="));
    Files.write(drivers.resolve("later.ko"), SampleKernel.module("depends="));
    Files.write(drivers.resolve("orphan.ko"), SampleKernel.module("depends=missing"));
    Files.write(drivers.resolve("one.ko"), SampleKernel.module("depends=two"));
    Files.write(drivers.resolve("two.ko"), SampleKernel.module("depends=one"));
    Files.write(drivers.resolve("text.ko"), "no module".getBytes());
    Files.writeString(root.resolve("modules.builtin"), "kernel/lib/core.ko\nkernel/fs/ext4.ko\n");
  }

  @Test
  void putsDependenciesFirst() {
    ModuleTree tree = ModuleTree.scan(root, "the sample");
    assertThat(tree.closure(List.of("virtio-rng"))).containsExactly("helper", "ring", "virtio_rng");
    assertThat(tree.closure(List.of("ext4"))).isEmpty();
    assertThat(tree.load("ring").release()).isEqualTo("6.1");
  }

  @Test
  void saysWhatIsMissing() {
    ModuleTree tree = ModuleTree.scan(root, "the sample");
    assertThatThrownBy(() -> tree.closure(List.of("orphan")))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("missing, which orphan needs, is neither in the sample nor");
    assertThatThrownBy(() -> tree.closure(List.of("one"))).hasMessageContaining("one → two");
    assertThatThrownBy(() -> tree.closure(List.of("text"))).hasMessageContaining("text.ko");
    assertThatThrownBy(() -> ModuleTree.scan(root.resolve("absent"), "x"))
        .hasMessageContaining("absent does not exist");
    assertThatThrownBy(() -> ModuleTree.scan(Files.createDirectories(root.resolve("empty")), "x"))
        .hasMessageContaining("no kernel modules");
  }

  @Test
  void packsWhatContainersMayAskFor() throws IOException {
    Path net = Files.createDirectories(root.resolve("kernel/net"));
    Files.write(net.resolve("base-net.ko"), SampleKernel.module("depends="));
    Files.write(
        net.resolve("tables.ko"),
        SampleKernel.module("depends=base-net", "alias=nfnetlink-subsys-10", "alias=pci:v0001*"));
    Files.write(net.resolve("broken.ko"), SampleKernel.module("depends=missing"));
    Files.write(root.resolve("kernel/drivers/veth.ko"), SampleKernel.module("depends=ring"));
    Path pack = root.resolve("modules.pack");
    assertThat(ModulePackWriter.write(pack, ModuleTree.scan(root, "the sample"), false))
        .isEqualTo(4);
    List<String> lines =
        new String(Files.readAllBytes(pack), java.nio.charset.StandardCharsets.ISO_8859_1)
            .lines()
            .limit(5)
            .toList();
    assertThat(lines.getFirst()).startsWith("casemate-modules 1 ");
    assertThat(lines.get(1)).matches("base_net 0 \\d+ base_net");
    assertThat(lines.get(2)).matches("tables \\d+ \\d+ base_net,tables nfnetlink-subsys-10");
    assertThat(lines.get(3)).startsWith("ring ");
    assertThat(lines.get(4)).matches("veth \\d+ \\d+ ring,veth");
  }

  @Test
  void readsPackedModules() throws IOException {
    byte[] module = SampleKernel.module("depends=ring");
    for (String tool : List.of("xz", "zstd", "gzip")) {
      String suffix = Map.of("xz", "xz", "zstd", "zst", "gzip", "gz").get(tool);
      Tool.Result packed = Tool.run(root, module, List.of(Tool.require(tool, tool), "-c"));
      Files.write(root.resolve("packed_" + tool + ".ko." + suffix), packed.output());
    }
    ModuleTree tree = ModuleTree.scan(root, "the sample");
    for (String tool : List.of("xz", "zstd", "gzip")) {
      assertThat(tree.load("packed_" + tool).content()).as(tool).isEqualTo(module);
      assertThat(tree.closure(List.of("packed_" + tool))).containsExactly("ring", "packed_" + tool);
    }
  }

  @Test
  void takesSignaturesOff() {
    byte[] module = SampleKernel.module("depends=");
    KernelModule signed = KernelModule.parse(SampleKernel.signed(module, 300), "sample");
    assertThat(signed.unsigned()).isEqualTo(module);
    assertThat(KernelModule.parse(module, "sample").unsigned()).isEqualTo(module);
  }

  @Test
  void ordersARealKernelsModules() {
    Path cache = Path.of("target", "debian-cache").toAbsolutePath();
    List<String> said = new ArrayList<>();
    Path unpacked = Scratch.directory(cache, "test-");
    try {
      checkOrder(
          DebianKernel.prepare(
              new DebianPackages(cache, unpacked, said::add),
              Optional.empty(),
              unpacked,
              said::add),
          said);
    } finally {
      Scratch.remove(unpacked);
    }
  }

  private static void checkOrder(PreparedKernel kernel, List<String> said) {
    Map<String, List<String>> groups =
        kernel.groups(List.of("netfilter", "xfs", "squashfs"), said::add);

    assertThat(kernel.image().release()).contains("cloud-amd64");
    assertThat(groups).containsKeys("base", "block", "erofs", "virtiofs", "net", "vsock", "xfs");
    assertThat(groups.get("ext4")).isEmpty();
    assertThat(groups.get("virtiofs")).endsWith("virtiofs");
    assertThat(groups.get("netfilter")).contains("nf_tables", "nf_conntrack");
    for (List<String> group : groups.values()) {
      for (String name : group) {
        for (String needed : kernel.modules().orElseThrow().load(name).dependencies()) {
          if (!kernel.modules().orElseThrow().isBuiltin(needed)) {
            assertThat(group.indexOf(ModuleTree.name(needed)))
                .as(needed + " before " + name)
                .isBetween(0, group.indexOf(name) - 1);
          }
        }
      }
    }
    assertThatThrownBy(() -> kernel.groups(List.of("9p"), said::add))
        .hasMessageContaining(
            "no feature '9p': Kernel module 9p is neither in package linux-image");
  }
}
