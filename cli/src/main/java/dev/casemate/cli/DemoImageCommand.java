package dev.casemate.cli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.image.BusyboxImage;
import java.util.List;

/**
 * {@code casemate demo-image DIR}: a small image from Debian's busybox, for the demonstration and
 * the tests; not shown in the help.
 */
final class DemoImageCommand implements Command {
  @Override
  public String name() {
    return "demo-image";
  }

  @Override
  public String usage() {
    return "DIR";
  }

  @Override
  public String summary() {
    return "create an OCI layout from the host's busybox (package busybox-static)";
  }

  @Override
  public List<Option> options() {
    return List.of();
  }

  @Override
  public int run(Arguments arguments) {
    String directory = arguments.operand("DIR");
    BusyboxImage.write(directory);
    Console.outLine("oci:" + directory);
    return 0;
  }
}
