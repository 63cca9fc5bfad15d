package dev.casemate.e2e.cell;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A machine with control groups of version 2 and nothing else, which the one that runs the tests is
 * not: a VM with the guest's kernel, busybox and the program. It executes one script and powers
 * off; what the script says about a name is there to be asked for.
 */
final class UnifiedMachine {
  private static final Path GUEST = Path.of("/var/lib/casemate/guest/default");

  /** {@code say NAME COMMAND…} notes what a command says, in one line, and its exit status. */
  private static final String BEGINNING =
      """
      #!/bin/sh
      export PATH=/bin
      mount -t proc proc /proc
      mount -t sysfs sysfs /sys
      mount -t devtmpfs devtmpfs /dev
      mkdir -p /dev/pts /run /tmp
      mount -t tmpfs tmpfs /run
      mount -t cgroup2 cgroup2 /sys/fs/cgroup
      for module in virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio virtio_pci virtio_blk; do
          insmod /modules/$module.ko
      done
      echo 16 > /proc/sys/vm/nr_hugepages
      DISK=$(cat /sys/block/vda/dev)
      ROOT=/sys/fs/cgroup
      CELL="/casemate-cell --root /run/cells"
      say() {
          local name=$1 out
          shift
          out=$("$@" 2>&1)
          echo "@$name $? $(printf %s "$out" | tr '\\n\\r' '| ')"
      }
      wait_for() {
          local left=200
          until "$@" > /dev/null 2>&1 || [ $left -eq 0 ]; do
              left=$((left - 1))
              usleep 50000
          done
      }
      for config in /bundles/*/config.json; do
          sed -i "s/987654/${DISK%:*}/; s/456789/${DISK#*:}/" $config
      done
      """;

  private final Path directory;
  private final Map<String, String> said = new LinkedHashMap<>();
  private final Map<String, Integer> statuses = new LinkedHashMap<>();
  private String console = "";

  /** An empty directory for what the machine is made of. */
  UnifiedMachine(Path directory) {
    this.directory = directory;
    Shell.run(
        "mkdir -p DIR/root/bin DIR/root/dev DIR/root/proc DIR/root/sys DIR/root/modules DIR/root/rootfs/bin DIR/root/bundles; cd DIR/root; cp /bin/busybox bin; cp /bin/busybox rootfs/bin; chroot . /bin/busybox --install -s /bin; chroot rootfs /bin/busybox --install -s /bin; cp EXE casemate-cell; cp GUEST/modules/virtio*.ko modules; mknod dev/console c 5 1"
            .replace("DIR", directory.toString())
            .replace("EXE", Box.EXECUTABLE)
            .replace("GUEST", GUEST.toString()));
  }

  /** Adds the bundle {@code /bundles/NAME}. Device 987654:456789 becomes that of the disk. */
  UnifiedMachine bundle(String name, String group, String resources, String... command) {
    Path bundle = directory.resolve("root/bundles").resolve(name);
    Shell.run("mkdir -p " + bundle + "; cd " + bundle + "; " + Box.EXECUTABLE + " spec");
    try {
      Json.Obj config = Json.parseObject(Files.readString(bundle.resolve("config.json")));
      config.object("root").orElseThrow().put("path", "/rootfs");
      config
          .object("process")
          .orElseThrow()
          .put("terminal", false)
          .putStrings("args", List.of(command));
      Json.Obj linux = config.object("linux").orElseThrow();
      // On a host with version 1, "spec" leaves it out.
      List<Json.Obj> namespaces = new ArrayList<>(linux.objects("namespaces"));
      namespaces.removeIf(namespace -> namespace.string("type").equals("cgroup"));
      namespaces.add(new Json.Obj().put("type", "cgroup"));
      linux
          .putObjects("namespaces", namespaces)
          .put("cgroupsPath", group)
          .put(
              "devices",
              SpecTest.array(
                  "[{'path':'/dev/disk','type':'b','major':987654,'minor':456789,'fileMode':438}]"))
          .put("resources", SpecTest.json(resources));
      Files.writeString(bundle.resolve("config.json"), config.pretty());
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Adds a bundle with a user namespace, root {@code /mapped} and the disk as device {@code path}.
   */
  UnifiedMachine mapped(String name, String path, String... command) {
    bundle(name, "/" + name, "{}", command);
    Path file = directory.resolve("root/bundles").resolve(name).resolve("config.json");
    try {
      Json.Obj config = Json.parseObject(Files.readString(file).replace("/dev/disk", path));
      config.object("root").orElseThrow().put("path", "/mapped");
      Json.Obj linux = config.object("linux").orElseThrow();
      List<Json.Obj> namespaces = new ArrayList<>(linux.objects("namespaces"));
      namespaces.add(new Json.Obj().put("type", "user"));
      Json map = SpecTest.array("[{'containerID':0,'hostID':100000,'size':65536}]");
      linux.putObjects("namespaces", namespaces).put("uidMappings", map).put("gidMappings", map);
      Files.writeString(file, config.pretty());
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Boots, executes the script and waits until the machine is off. */
  UnifiedMachine run(String script) {
    try {
      Files.writeString(
          directory.resolve("root/main"), BEGINNING + script + "\necho @end 0\npoweroff -f\n");
      // The first root can be neither left nor hidden by pivot_root(2).
      Files.writeString(
          directory.resolve("root/init"),
          """
          #!/bin/sh
          /bin/mkdir /new
          /bin/mount -t tmpfs tmpfs /new
          /bin/cp -a /bin /bundles /modules /rootfs /casemate-cell /main /new
          /bin/mkdir /new/dev /new/proc /new/sys
          exec /bin/switch_root /new /bin/sh /main
          """);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    console =
        Shell.run(
                "cd DIR; chmod 755 root/init; truncate -s 64M disk; (cd root; find . | cpio --quiet -o -H newc) > initramfs; timeout 170 qemu-system-x86_64 -M q35 -accel tcg -cpu max -m 384 -nodefaults -no-user-config -display none -serial stdio -no-reboot -kernel GUEST/vmlinux -initrd initramfs -append 'console=ttyS0 quiet panic=-1' -drive file=disk,format=raw,if=virtio < /dev/null | tr -d '\\r'; rm -f initramfs disk"
                    .replace("DIR", directory.toString())
                    .replace("GUEST", GUEST.toString()))
            .out();
    for (String line : console.lines().toList()) {
      String[] word = line.split(" ", 3);
      if (line.startsWith("@") && word.length > 1) {
        statuses.put(word[0].substring(1), Integer.parseInt(word[1]));
        said.put(word[0].substring(1), word.length > 2 ? word[2].strip() : "");
      }
    }
    if (!said.containsKey("end")) {
      throw new AssertionError("the machine did not come to the end:\n" + console);
    }
    return this;
  }

  /** What was said about a name; lines are divided by bars. */
  String of(String name) {
    String text = said.get(name);
    if (text == null) {
      throw new AssertionError("nothing was said about " + name + ":\n" + console);
    }
    return text;
  }

  int status(String name) {
    of(name);
    return statuses.getOrDefault(name, -1);
  }

  @Override
  public String toString() {
    return console;
  }
}
