package dev.casemate.seccomp;

import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Seccomp;
import dev.casemate.oci.SeccompSpec;
import java.util.Optional;

/** What the words of a {@code linux.seccomp} are to the kernel ({@code linux/seccomp.h}). */
final class SeccompActions {
  static final int KILL_PROCESS = 0x80000000;
  private static final int KILL_THREAD = 0;
  private static final int TRAP = 0x00030000;
  private static final int ERRNO = 0x00050000;
  private static final int USER_NOTIF = 0x7fc00000;
  private static final int TRACE = 0x7ff00000;
  private static final int LOG = 0x7ffc0000;
  private static final int ALLOW = 0x7fff0000;
  private static final int ERRNO_LIMIT = 4095;
  private static final int DATA = 0xffff;

  private SeccompActions() {}

  /** The value that a filter returns for an action. */
  static int value(String action, Optional<Integer> errnoRet) {
    if (errnoRet.isPresent()
        && !action.equals("SCMP_ACT_ERRNO")
        && !action.equals("SCMP_ACT_TRACE")) {
      throw Failures.invalid(
          "linux.seccomp: "
              + action
              + " does not return an errno, but errnoRet "
              + Integer.toUnsignedString(errnoRet.get())
              + " is given; remove it");
    }
    return switch (action) {
      case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD" -> KILL_THREAD;
      case "SCMP_ACT_KILL_PROCESS" -> KILL_PROCESS;
      case "SCMP_ACT_TRAP" -> TRAP;
      case "SCMP_ACT_ERRNO" -> ERRNO | number(errnoRet, ERRNO_LIMIT);
      case "SCMP_ACT_TRACE" -> TRACE | number(errnoRet, DATA);
      case "SCMP_ACT_LOG" -> LOG;
      case "SCMP_ACT_ALLOW" -> ALLOW;
      case "SCMP_ACT_NOTIFY" -> USER_NOTIF;
      default ->
          throw Failures.invalid(
              "linux.seccomp: action \""
                  + action
                  + "\" is unknown; use SCMP_ACT_ALLOW, ERRNO, KILL, KILL_PROCESS, KILL_THREAD,"
                  + " TRAP, TRACE, LOG or NOTIFY");
    };
  }

  private static int number(Optional<Integer> errnoRet, int limit) {
    int value = errnoRet.orElse(Errno.EPERM);
    if (value < 0 || value > limit) {
      throw Failures.invalid(
          "linux.seccomp: errnoRet " + Integer.toUnsignedString(value) + " is above " + limit);
    }
    return value;
  }

  /** What a call gets that is newer than the profile: see {@link SeccompCompiler}. */
  static int unknownCall(int defaultAction, boolean hasRules) {
    boolean permits =
        defaultAction == ALLOW || defaultAction == LOG || (defaultAction & 0xffff0000) == TRACE;
    return permits || !hasRules ? defaultAction : ERRNO | Errno.ENOSYS;
  }

  static boolean repeatsAnArgument(SeccompSpec.Rule rule) {
    int seen = 0;
    for (SeccompSpec.Argument argument : rule.args()) {
      int bit = 1 << (argument.index() & 31);
      if ((seen & bit) != 0) {
        return true;
      }
      seen |= bit;
    }
    return false;
  }

  static int flags(SeccompSpec spec) {
    int flags = 0;
    for (String flag : spec.flags()) {
      flags |=
          switch (flag) {
            // The process has one thread when it installs the filter.
            case "SECCOMP_FILTER_FLAG_TSYNC" -> 0;
            case "SECCOMP_FILTER_FLAG_LOG" -> Seccomp.FLAG_LOG;
            case "SECCOMP_FILTER_FLAG_SPEC_ALLOW" -> Seccomp.FLAG_SPEC_ALLOW;
            case "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" -> Seccomp.FLAG_WAIT_KILLABLE_RECV;
            default ->
                throw Failures.invalid(
                    "linux.seccomp.flags: \"" + flag + "\" is unknown; remove it");
          };
    }
    if (!spec.listenerMetadata().isEmpty() && spec.listenerPath().isEmpty()) {
      throw Failures.invalid(
          "linux.seccomp: listenerMetadata without listenerPath; set it or remove the metadata");
    }
    boolean notifies = spec.defaultAction().equals("SCMP_ACT_NOTIFY");
    for (SeccompSpec.Rule rule : spec.syscalls()) {
      if (rule.names().isEmpty()) {
        throw Failures.invalid("linux.seccomp.syscalls: a rule has no names; add one or remove it");
      }
      if (!rule.action().equals("SCMP_ACT_NOTIFY")) {
        continue;
      }
      notifies = true;
      if (rule.names().contains("write")) {
        throw Failures.invalid(
            "linux.seccomp: SCMP_ACT_NOTIFY cannot be used for the write syscall: the listener is"
                + " handed over by it; remove the rule");
      }
    }
    if (!notifies) {
      return flags;
    }
    if (spec.defaultAction().equals("SCMP_ACT_NOTIFY")) {
      throw Failures.invalid("linux.seccomp: SCMP_ACT_NOTIFY cannot be used as defaultAction");
    }
    if (spec.listenerPath().isEmpty()) {
      throw Failures.invalid(
          "linux.seccomp: SCMP_ACT_NOTIFY requires listenerPath, the seccomp agent's socket; set it");
    }
    return flags | Seccomp.FLAG_NEW_LISTENER;
  }
}
