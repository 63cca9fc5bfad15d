package dev.casemate.hypervisor;

/**
 * One line of {@code casemate doctor}.
 *
 * @param id stable name for programs: {@code kvm}
 * @param title what was checked
 * @param detail what was found
 * @param meaning consequence for the user; may be empty
 * @param remedy a command, or a sentence where there is none; empty if nothing needs to be done
 */
public record Finding(
    String id, Level level, String title, String detail, String meaning, String remedy) {
  /** The severity. */
  public enum Level {
    OK,
    /** Casemate works, but slower or with restrictions. */
    WARNING,
    /** Casemate cannot work. */
    FAILURE
  }

  public static Finding ok(String id, String title, String detail) {
    return new Finding(id, Level.OK, title, detail, "", "");
  }

  public static Finding warning(
      String id, String title, String detail, String meaning, String remedy) {
    return new Finding(id, Level.WARNING, title, detail, meaning, remedy);
  }

  public static Finding failure(
      String id, String title, String detail, String meaning, String remedy) {
    return new Finding(id, Level.FAILURE, title, detail, meaning, remedy);
  }
}
