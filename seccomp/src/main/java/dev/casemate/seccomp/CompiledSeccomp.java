package dev.casemate.seccomp;

import dev.casemate.base.Failures;
import dev.casemate.linux.Seccomp;
import dev.casemate.oci.SeccompSpec;
import dev.casemate.oci.Spec;
import java.util.Optional;

/**
 * A system call filter that was compiled elsewhere: by the host for its guest, whose emulated
 * processor needs 15 ms, compared with less than 1 ms on the host. It travels as an annotation of
 * the container's specification, which then has no {@code linux.seccomp}.
 *
 * <p>The text is the filter's flags and the instructions in hexadecimal digits, 16 each: {@code
 * 4:002000000000…}.
 */
public final class CompiledSeccomp {
  public static final String ANNOTATION = "dev.casemate.seccomp.program";

  private static final int DIGITS = 16;

  private CompiledSeccomp() {}

  /**
   * Compiles a specification.
   *
   * @throws dev.casemate.base.CasemateException INVALID_ARGUMENT for one that cannot be
   */
  public static String text(SeccompSpec spec) {
    SeccompFilter filter = SeccompCompiler.compile(spec);
    long[] program = filter.program();
    StringBuilder text = new StringBuilder(4 + DIGITS * program.length);
    text.append(filter.flags()).append(':');
    for (long word : program) {
      for (int shift = 60; shift >= 0; shift -= 4) {
        text.append(Character.forDigit((int) (word >>> shift) & 15, 16));
      }
    }
    return text.toString();
  }

  /**
   * Returns a container's filter: its specification's, or the one that the host compiled.
   *
   * @param ownKernel whether the kernel serves this container or sandbox alone; only then does the
   *     annotation count
   */
  public static Optional<SeccompFilter> of(Spec container, boolean ownKernel) {
    Optional<SeccompSpec> spec = container.linux().seccomp();
    if (spec.isPresent()) {
      return Optional.of(SeccompCompiler.compile(spec.get()));
    }
    // On a host with many containers annotations are anybody's; a guest's come from its host.
    String text = ownKernel ? container.annotations().get(ANNOTATION) : null;
    return text == null ? Optional.empty() : Optional.of(parse(text));
  }

  public static SeccompFilter parse(String text) {
    int colon = text.indexOf(':');
    int digits = text.length() - colon - 1;
    int length = digits / DIGITS;
    if (colon < 1 || colon > 3 || digits % DIGITS != 0 || length < 1 || length > Seccomp.LIMIT) {
      throw invalid();
    }
    int flags = 0;
    for (int i = 0; i < colon; i++) {
      flags = 10 * flags + digit(text.charAt(i), 10);
    }
    if ((flags & Seccomp.FLAG_NEW_LISTENER) != 0) {
      throw invalid();
    }
    long[] program = new long[length];
    for (int i = 0, at = colon + 1; i < length; i++) {
      long word = 0;
      for (int end = at + DIGITS; at < end; at++) {
        word = word << 4 | digit(text.charAt(at), 16);
      }
      program[i] = word;
    }
    return new SeccompFilter(program, flags);
  }

  private static int digit(char c, int radix) {
    int value = c <= '9' ? c - '0' : c - 'a' + 10;
    if (value < 0 || value >= radix || (c > '9' && c < 'a')) {
      throw invalid();
    }
    return value;
  }

  private static RuntimeException invalid() {
    return Failures.invalid(
        "annotation " + ANNOTATION + " is not a compiled filter; the host generates it, remove it");
  }
}
