package dev.casemate.cli;

import dev.casemate.image.Image;
import dev.casemate.image.ImageStore;
import dev.casemate.image.PullPolicy;
import dev.casemate.image.RegistryOptions;
import dev.casemate.sandbox.SandboxPaths;
import java.util.Optional;

/** The image store as the commands use it. */
final class Images {
  private Images() {}

  static ImageStore store(SandboxPaths paths, Arguments arguments) {
    RegistryOptions options = RegistryOptions.defaults().withInsecure(arguments.has("insecure"));
    Optional<String> caFile = arguments.last("ca-file");
    if (caFile.isPresent()) {
      options = options.withCaFile(caFile.get());
    }
    return ImageStore.open(
        paths.images(), options, warning -> Console.errLine("casemate: warning: " + warning));
  }

  /** The image of {@code run}: pulled or unpacked first where it has to be. */
  static Image resolve(SandboxPaths paths, Arguments arguments, String image) {
    PullPolicy policy =
        switch (arguments.last("pull", "missing")) {
          case "missing" -> PullPolicy.MISSING;
          case "always" -> PullPolicy.ALWAYS;
          case "never" -> PullPolicy.NEVER;
          default ->
              throw Arguments.usage(
                  "option --pull is \""
                      + arguments.last("pull", "")
                      + "\", expected missing, always or never");
        };
    try (ProgressDisplay display = new ProgressDisplay()) {
      return store(paths, arguments).resolve(image, policy, display);
    }
  }
}
