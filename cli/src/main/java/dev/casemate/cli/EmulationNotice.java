package dev.casemate.cli;

import dev.casemate.commandline.Console;
import dev.casemate.hypervisor.Accelerator;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.sandbox.SandboxPaths;

/**
 * Says that VMs run without KVM, once in each uptime of the machine: nobody should wonder why
 * things are slow, nor read it a hundred times.
 */
final class EmulationNotice {
  private EmulationNotice() {}

  static void sayOnce(SandboxPaths paths) {
    String marker = paths.run() + "/emulation-noticed";
    if (Fs.exists(marker)) {
      return;
    }
    Accelerator accelerator = Accelerator.detect("");
    if (accelerator.kind() == Accelerator.Kind.KVM) {
      return;
    }
    try {
      FileTree.makeDirectories(paths.run(), 0700);
      Fd made = Fs.open(marker, OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE, 0600);
      made.close();
    } catch (LinuxException e) {
      if (e.errno() == Errno.EEXIST) {
        return;
      }
      // Not writable: what follows fails with a better message.
    }
    Console.errLine(
        "casemate: note: VMs run by emulation (TCG), about ten times slower than with KVM: "
            + accelerator.reason()
            + " (shown once; details: casemate doctor)");
  }
}
