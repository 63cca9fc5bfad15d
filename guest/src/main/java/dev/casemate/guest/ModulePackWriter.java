package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes the modules that containers may ask for into one file beside the initramfs. No VM has them
 * in memory: the sandbox sends the guest's kernel what it asks for. The reader, {@code ModulePack}
 * in module {@code sandbox}, describes the format.
 */
final class ModulePackWriter {
  /** What containers use; drivers of hardware that no VM has are left out. */
  private static final List<String> DIRECTORIES =
      List.of(
          "net/",
          "fs/",
          "crypto/",
          "lib/",
          "arch/",
          "drivers/block/",
          "drivers/md/",
          "drivers/net/bonding/",
          "drivers/net/ipvlan/",
          "drivers/net/ppp/",
          "drivers/net/slip/",
          "drivers/net/team/",
          "drivers/net/vxlan/",
          "drivers/net/wireguard/");

  /** Those of {@code drivers/net} itself. */
  private static final List<String> NETWORK =
      List.of(
          "amt",
          "bareudp",
          "dummy",
          "geneve",
          "gtp",
          "ifb",
          "macsec",
          "macvlan",
          "macvtap",
          "netconsole",
          "nlmon",
          "rionet",
          "tap",
          "tun",
          "veth",
          "vrf",
          "vsockmon",
          "vxlan");

  /** What the sandbox process sends unasked once a container runs. */
  private static final List<String> UNASKED = List.of("virtio_balloon");

  /** Aliases of devices: none of those comes up in a VM. */
  private static final List<String> DEVICES =
      List.of(
          "acpi",
          "cpu:",
          "dmi:",
          "hid:",
          "i2c:",
          "of:",
          "pci:",
          "platform:",
          "pnp:",
          "sdio:",
          "spi:",
          "usb:",
          "virtio:",
          "x86cpu:");

  private static final int MODULE_LIMIT = 3 << 20;

  private ModulePackWriter() {}

  /**
   * Writes the pack.
   *
   * @param strip whether signatures are taken off
   * @return how many modules are in it
   */
  static int write(Path target, ModuleTree tree, boolean strip) {
    List<String> names = new ArrayList<>(tree.below(DIRECTORIES));
    for (List<String> more : List.of(NETWORK, UNASKED)) {
      for (String name : more) {
        if (tree.isModule(name) && !names.contains(name)) {
          names.add(name);
        }
      }
    }
    StringBuilder index = new StringBuilder();
    List<byte[]> contents = new ArrayList<>();
    long offset = 0;
    int count = 0;
    for (String name : closed(tree, names)) {
      KernelModule module = tree.load(name);
      byte[] content = SlimModule.of(strip ? module.unsigned() : module.content(), name);
      if (content.length > MODULE_LIMIT) {
        continue;
      }
      index.append(name).append(' ').append(offset).append(' ').append(content.length);
      index.append(' ').append(String.join(",", tree.closure(List.of(name))));
      for (String alias : module.aliases()) {
        if (isAskedFor(alias)) {
          index.append(' ').append(alias);
        }
      }
      index.append('\n');
      contents.add(content);
      offset += content.length;
      count++;
    }
    byte[] text = index.toString().getBytes(StandardCharsets.UTF_8);
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(target), 1 << 20)) {
      out.write(("casemate-modules 1 " + text.length + "\n").getBytes(StandardCharsets.UTF_8));
      out.write(text);
      for (byte[] content : contents) {
        out.write(content);
      }
    } catch (IOException e) {
      throw Failure.of("write " + target, e);
    }
    return count;
  }

  /** The modules with all that they need; one whose dependencies are missing is left out. */
  private static List<String> closed(ModuleTree tree, List<String> names) {
    List<String> all = new ArrayList<>();
    for (String name : names) {
      try {
        for (String needed : tree.closure(List.of(name))) {
          if (!all.contains(needed)) {
            all.add(needed);
          }
        }
      } catch (CasemateException e) {
        if (e.kind() != Kind.NOT_FOUND) {
          throw e;
        }
      }
    }
    return all;
  }

  private static boolean isAskedFor(String alias) {
    if (alias.isEmpty() || alias.indexOf(' ') >= 0 || alias.indexOf('*') >= 0) {
      return false;
    }
    for (String device : DEVICES) {
      if (alias.startsWith(device)) {
        return false;
      }
    }
    return true;
  }
}
