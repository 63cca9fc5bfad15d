package dev.casemate.agent;

import dev.casemate.cell.Sysctls;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.Processes;
import dev.casemate.protocol.GuestContract;
import dev.casemate.protocol.agent.CreateSandboxRequest;
import dev.casemate.protocol.agent.KernelModule;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * {@code CreateSandbox}: modules, host name, resolv.conf, storage and kernel parameters that all
 * containers share.
 */
final class CreateSandbox {
  private static final String FILES_LIMITS = "mode=0755,size=4m,nr_inodes=4k";

  private CreateSandbox() {}

  static void handle(Agent agent, CreateSandboxRequest request, Answer answer) {
    agent.sandbox().created(request.sandboxId());
    for (KernelModule module : request.kernelModules()) {
      String parameters = String.join(" ", module.parameters());
      if (!agent.modules().loadNamed(module.name(), parameters)) {
        agent.console().debug("module " + module.name() + " is not in the initramfs");
      }
    }
    if (!request.hostname().isEmpty()) {
      Processes.hostname(request.hostname());
    }
    FileTree.makeDirectories(GuestContract.SHARED, 0755);
    FileTree.makeDirectories(GuestContract.FILES, 0755);
    Mounts.mount(
        "files",
        GuestContract.FILES,
        "tmpfs",
        Mounts.NOSUID | Mounts.NODEV | Mounts.NOEXEC,
        FILES_LIMITS);
    if (!request.dns().isEmpty()) {
      String text = String.join("\n", request.dns()) + "\n";
      FileContent.write(
          GuestContract.FILES + "/.resolv.conf", text.getBytes(StandardCharsets.UTF_8), 0644);
    }
    agent
        .storages()
        .attachAll(
            request.storages(),
            new Storages.Outcome() {
              @Override
              public void done(List<String> mountPoints) {
                try {
                  request.sysctls().forEach(Sysctls::write);
                } catch (RuntimeException e) {
                  answer.fail(e);
                  return;
                }
                answer.ok(Services.EMPTY);
              }

              @Override
              public void failed(Throwable cause) {
                answer.fail(cause);
              }
            });
  }
}
