package dev.casemate.fuzz;

import dev.casemate.base.CasemateException;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/** What targets hold parsers to. Whatever is thrown from here is a finding. */
public final class Expect {
  private Expect() {}

  /**
   * Calls a parser with foreign input. It may refuse that with a {@link CasemateException} of any
   * kind but INTERNAL, which would put the blame on us, and with the exceptions named.
   *
   * @return what it made of the input; empty if it refused
   */
  @SafeVarargs
  public static <T> Optional<T> parsed(
      Callable<T> parser, Class<? extends Exception>... otherRefusals) {
    try {
      return Optional.of(parser.call());
    } catch (CasemateException e) {
      that(e.kind() != CasemateException.Kind.INTERNAL, "INTERNAL for foreign input: ", e);
      that(e.getMessage() != null && !e.getMessage().isEmpty(), "a refusal without words: ", e);
      return Optional.empty();
    } catch (Exception e) {
      for (Class<? extends Exception> refusal : otherRefusals) {
        if (refusal.isInstance(e)) {
          return Optional.empty();
        }
      }
      throw new AssertionError("an exception that is not declared: " + e, e);
    }
  }

  /** Two values must be equal: what was read, and what was read of what was written of it. */
  public static void same(Object expected, Object found) {
    if (!Objects.deepEquals(expected, found)) {
      throw new AssertionError("not the same:\n" + expected + "\n" + found);
    }
  }

  /** A condition that must hold. */
  public static void that(boolean condition, String what, Object... about) {
    if (!condition) {
      StringBuilder text = new StringBuilder(what);
      for (Object each : about) {
        text.append(each);
      }
      throw new AssertionError(text.toString());
    }
  }

  /** Text that goes to a terminal must not command it: no control characters of C0 and C1. */
  public static void printable(@Nullable String text) {
    if (text == null) {
      throw new AssertionError("no text");
    }
    for (int i = 0; i < text.length(); i++) {
      that(!Character.isISOControl(text.charAt(i)), "a control character at ", i);
    }
  }
}
