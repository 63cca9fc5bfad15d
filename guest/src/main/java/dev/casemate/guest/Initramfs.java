package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * Writes a guest's first root: the agent as {@code /init}, the modules as {@code
 * /lib/modules/NAME.ko}, the list {@code /lib/modules/groups}, {@code /dev/console} and empty mount
 * points. It costs every VM its size in memory.
 */
final class Initramfs {
  /** What the agent mounts something on. */
  private static final List<String> MOUNT_POINTS =
      List.of("dev", "etc", "mnt", "proc", "run", "sys", "tmp");

  private Initramfs() {}

  /**
   * Writes it to {@code target}, not packed: unpacking costs more than reading without KVM.
   *
   * @param modules directory with a file NAME.ko for every module
   * @return its size in bytes
   */
  static long write(Path target, Path agent, Path modules, Map<String, List<String>> groups) {
    try (CpioWriter cpio =
        new CpioWriter(new BufferedOutputStream(Files.newOutputStream(target), 1 << 20))) {
      for (String directory : MOUNT_POINTS) {
        cpio.directory(directory, directory.equals("tmp") ? 01777 : 0755);
      }
      // The kernel opens it for init's standard streams before anything can mount devtmpfs.
      cpio.characterDevice("dev/console", 0600, 5, 1);
      cpio.directory("lib", 0755);
      cpio.directory("lib/modules", 0755);
      for (String module : ModuleGroups.union(groups)) {
        byte[] content = Files.readAllBytes(modules.resolve(module + ".ko"));
        cpio.file("lib/modules/" + module + ".ko", 0600, SlimModule.of(content, module));
      }
      cpio.file(
          "lib/modules/groups", 0644, ModuleGroups.text(groups).getBytes(StandardCharsets.UTF_8));
      cpio.file("init", 0755, agent);
      cpio.finish();
      return cpio.bytes();
    } catch (IOException e) {
      throw Failure.of("write the initramfs " + target, e);
    }
  }

  /** Checks that the agent is a program that can run as init: static, for x86-64. */
  static void checkAgent(Path agent) {
    byte[] content;
    try {
      if (!Files.isRegularFile(agent)) {
        throw CasemateException.of(
            Kind.NOT_FOUND,
            "The agent "
                + agent
                + " does not exist. Build it with 'make', or give its path with --agent FILE");
      }
      content = Files.readAllBytes(agent);
    } catch (IOException e) {
      throw Failure.of("read the agent " + agent, e);
    }
    Elf elf = Elf.parse(content, "Agent " + agent);
    for (Elf.Segment segment : elf.segments()) {
      if (segment.type() == Elf.PT_INTERP) {
        throw CasemateException.of(
            Kind.INVALID_ARGUMENT,
            "The agent "
                + agent
                + " is linked dynamically; there is no dynamic linker in the guest. Link it statically");
      }
    }
  }
}
