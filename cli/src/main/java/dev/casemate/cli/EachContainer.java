package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import java.util.function.Consumer;

/**
 * Does something to each container that was named; one that fails does not keep the others from
 * their turn.
 */
final class EachContainer {
  private EachContainer() {}

  /** Returns 1 if one failed, else 0. */
  static int run(Arguments arguments, Consumer<String> action) {
    int status = 0;
    for (String reference : arguments.operands("CONTAINER")) {
      try {
        action.accept(reference);
      } catch (CasemateException e) {
        Console.errLine("casemate: " + e.getMessage());
        status = 1;
      }
    }
    return status;
  }
}
