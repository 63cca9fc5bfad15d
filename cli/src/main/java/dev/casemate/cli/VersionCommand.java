package dev.casemate.cli;

import dev.casemate.base.Json;
import dev.casemate.base.Release;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import java.util.List;

/** {@code casemate version}. */
final class VersionCommand implements Command {
  @Override
  public String name() {
    return "version";
  }

  @Override
  public String usage() {
    return "";
  }

  @Override
  public String summary() {
    return "print the version";
  }

  @Override
  public List<Option> options() {
    return List.of(Option.value("format", '\0', "table|json", "output format"));
  }

  @Override
  public int run(Arguments arguments) {
    if (Formats.json(arguments)) {
      Console.out(
          new Json.Obj()
              .put("version", Release.VERSION)
              .put("ociVersion", "1.2.0")
              .put("java", System.getProperty("java.version", ""))
              .pretty());
    } else {
      Console.out("casemate version " + Release.VERSION + "\nspec: 1.2.0\n");
    }
    return 0;
  }
}
