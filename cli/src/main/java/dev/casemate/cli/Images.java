package dev.casemate.cli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.image.ImageStore;
import dev.casemate.image.RegistryOptions;
import dev.casemate.sandbox.SandboxPaths;
import java.util.Optional;

/** The image store as the commands use it. */
final class Images {
  private Images() {}

  static ImageStore store(SandboxPaths paths, Arguments arguments) {
    return ImageStore.open(paths.images(), registry(arguments), Images::warn);
  }

  /** Prints a warning of the store. */
  static void warn(String warning) {
    Console.errLine("casemate: warning: " + warning);
  }

  /** {@code --insecure} and {@code --ca-file}. */
  static RegistryOptions registry(Arguments arguments) {
    RegistryOptions options = RegistryOptions.defaults().withInsecure(arguments.has("insecure"));
    Optional<String> caFile = arguments.last("ca-file");
    return caFile.isPresent() ? options.withCaFile(caFile.get()) : options;
  }
}
