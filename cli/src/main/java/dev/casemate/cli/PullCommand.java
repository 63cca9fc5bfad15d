package dev.casemate.cli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.image.Image;
import dev.casemate.image.PullPolicy;
import dev.casemate.image.PullProgress;
import dev.casemate.sandbox.SandboxPaths;
import java.util.List;

/** {@code casemate pull}: brings images into the store. */
final class PullCommand implements Command {
  @Override
  public String name() {
    return "pull";
  }

  @Override
  public String usage() {
    return "IMAGE…";
  }

  @Override
  public String summary() {
    return "pull images from a registry, or import them from files";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.flag("quiet", 'q', "print the digest only"),
        Option.flag("insecure", '\0', "allow a registry without TLS or with a bad certificate"),
        Option.value(
            "ca-file", '\0', "FILE", "also trust the certification authorities in this PEM file"));
  }

  @Override
  public int run(Arguments arguments) {
    SandboxPaths paths = SandboxPaths.system();
    for (String name : arguments.operands("IMAGE")) {
      Image image;
      if (arguments.has("quiet")) {
        image = Images.store(paths, arguments).resolve(name, PullPolicy.ALWAYS, PullProgress.NONE);
      } else {
        try (ProgressDisplay display = new ProgressDisplay()) {
          image = Images.store(paths, arguments).resolve(name, PullPolicy.ALWAYS, display);
        }
      }
      Console.outLine(
          arguments.has("quiet")
              ? image.digest().orElse("")
              : image.name() + " " + image.digest().orElse(""));
    }
    return 0;
  }
}
