package dev.casemate.agent;

import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Processes;
import dev.casemate.protocol.agent.CreateSandboxRequest;
import dev.casemate.protocol.agent.KernelModule;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** {@code CreateSandbox}: modules, host name, resolv.conf, storage that all containers share. */
final class CreateSandbox {
  /** Where the host's files come to lie. */
  static final String SHARED = "/run/kata-containers/shared/containers";

  private static final String DIRECTORY = "/run/kata-containers/sandbox";

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
    FileTree.makeDirectories(DIRECTORY, 0755);
    if (!request.dns().isEmpty()) {
      String text = String.join("\n", request.dns()) + "\n";
      FileContent.write(DIRECTORY + "/resolv.conf", text.getBytes(StandardCharsets.UTF_8), 0644);
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
