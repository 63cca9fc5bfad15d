package dev.casemate.agent;

import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.Processes;
import dev.casemate.protocol.agent.CreateSandboxRequest;
import dev.casemate.protocol.agent.KernelModule;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** {@code CreateSandbox}: modules, host name, resolv.conf, storage that all containers share. */
final class CreateSandbox {
  /** What the host shares; read-only at the top. */
  static final String SHARED = "/run/kata-containers/shared/containers";

  /**
   * Small files that containers have of the agent: {@code .resolv.conf}, and in a directory for
   * each container what {@link CopyFile} brings. What containers write to them stays here.
   */
  static final String FILES = "/run/kata-containers/sandbox/files";

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
    FileTree.makeDirectories(SHARED, 0755);
    FileTree.makeDirectories(FILES, 0755);
    Mounts.mount(
        "files", FILES, "tmpfs", Mounts.NOSUID | Mounts.NODEV | Mounts.NOEXEC, FILES_LIMITS);
    if (!request.dns().isEmpty()) {
      String text = String.join("\n", request.dns()) + "\n";
      FileContent.write(FILES + "/.resolv.conf", text.getBytes(StandardCharsets.UTF_8), 0644);
    }
    agent
        .storages()
        .attachAll(
            request.storages(),
            new Storages.Outcome() {
              @Override
              public void done(List<String> mountPoints) {
                answer.ok(Services.EMPTY);
              }

              @Override
              public void failed(Throwable cause) {
                answer.fail(cause);
              }
            });
  }
}
