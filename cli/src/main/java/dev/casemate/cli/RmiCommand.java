package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.image.ImageStore;
import dev.casemate.sandbox.SandboxPaths;
import java.util.List;

/** {@code casemate rmi}: removes images. */
final class RmiCommand implements Command {
  @Override
  public String name() {
    return "rmi";
  }

  @Override
  public String usage() {
    return "IMAGE…";
  }

  @Override
  public String summary() {
    return "remove images, and data that no other image uses";
  }

  @Override
  public List<Option> options() {
    return List.of();
  }

  @Override
  public int run(Arguments arguments) {
    ImageStore store = Images.store(SandboxPaths.system(), arguments);
    int status = 0;
    for (String image : arguments.operands("IMAGE")) {
      try {
        for (String removed : store.remove(image)) {
          Console.outLine(removed);
        }
      } catch (CasemateException e) {
        Console.errLine("casemate: " + e.getMessage());
        status = 1;
      }
    }
    return status;
  }
}
