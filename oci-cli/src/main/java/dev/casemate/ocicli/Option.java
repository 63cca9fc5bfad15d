package dev.casemate.ocicli;

/**
 * One option of a command.
 *
 * @param name without the dashes, {@code pid-file}
 * @param letter its short form, or 0
 * @param value what to call its value in the help, empty for a switch
 * @param help one line
 */
record Option(String name, char letter, String value, String help) {
  static Option flag(String name, String help) {
    return new Option(name, '\0', "", help);
  }

  static Option flag(String name, char letter, String help) {
    return new Option(name, letter, "", help);
  }

  static Option value(String name, String value, String help) {
    return new Option(name, '\0', value, help);
  }

  static Option value(String name, char letter, String value, String help) {
    return new Option(name, letter, value, help);
  }

  boolean isSwitch() {
    return value.isEmpty();
  }
}
