package dev.casemate.cli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.UsageException;

/** The {@code --format} option. */
final class Formats {
  private Formats() {}

  /** Whether JSON is wanted instead of a table. */
  static boolean json(Arguments arguments) {
    String format = arguments.last("format", "table");
    if (!format.equals("table") && !format.equals("json")) {
      throw UsageException.ofValue("format", format, "table or json");
    }
    return format.equals("json");
  }
}
