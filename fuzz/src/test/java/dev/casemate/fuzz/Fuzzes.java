package dev.casemate.fuzz;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Marks a fuzz target and says which parsers it feeds. The class is named {@code XxxFuzz}, stands
 * in the parsers' package and has {@code public static void fuzzerTestOneInput(byte[])}.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface Fuzzes {
  /** The parsers: classes that make something of bytes or text from elsewhere. */
  Class<?>[] value();
}
