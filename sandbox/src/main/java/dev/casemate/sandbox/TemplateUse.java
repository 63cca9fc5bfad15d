package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.util.List;
import java.util.Locale;

/** Whether a sandbox's VM may start as a copy of a template. */
public enum TemplateUse {
  /** It copies a template that fits. Without one it boots, and has one made for the next start. */
  AUTO,
  /** It copies a template that fits. Without one it boots. */
  EXISTING,
  /** It boots. */
  NEVER;

  /** The environment variable with the default. */
  public static final String VARIABLE = "CASEMATE_TEMPLATE";

  /** The words for them, in configuration files and options. */
  public static final List<String> WORDS = List.of("auto", "existing", "never");

  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** By its word; {@link #AUTO} for any other. */
  public static TemplateUse of(String word) {
    for (TemplateUse use : values()) {
      if (use.word().equals(word)) {
        return use;
      }
    }
    return AUTO;
  }

  /**
   * What holds if nothing else is said: the environment's word.
   *
   * @throws CasemateException INVALID_ARGUMENT if the environment has another word
   */
  public static TemplateUse byDefault() {
    String word = System.getenv(VARIABLE);
    return byDefault(word == null ? "" : word);
  }

  static TemplateUse byDefault(String word) {
    if (!word.isEmpty() && !WORDS.contains(word)) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "invalid value \""
              + word
              + "\" of "
              + VARIABLE
              + ": set it to "
              + String.join(", ", WORDS));
    }
    return of(word);
  }
}
