package dev.casemate.commandline;

/**
 * One option of a command.
 *
 * @param name without the dashes, {@code pid-file}
 * @param letter its short form, or 0
 * @param value what to call its value in the help, empty for a switch
 * @param help one line
 */
public record Option(String name, char letter, String value, String help) {
  /** A switch without a short form. */
  public static Option flag(String name, String help) {
    return new Option(name, '\0', "", help);
  }

  public static Option flag(String name, char letter, String help) {
    return new Option(name, letter, "", help);
  }

  /** An option with a value and without a short form. */
  public static Option value(String name, String value, String help) {
    return new Option(name, '\0', value, help);
  }

  public static Option value(String name, char letter, String value, String help) {
    return new Option(name, letter, value, help);
  }

  public boolean isSwitch() {
    return value.isEmpty();
  }

  /** The option as help shows it: {@code -e, --env NAME=VALUE}. */
  String synopsis() {
    return (letter == 0 ? "    " : "-" + letter + ", ")
        + "--"
        + name
        + (isSwitch() ? "" : " " + value);
  }
}
