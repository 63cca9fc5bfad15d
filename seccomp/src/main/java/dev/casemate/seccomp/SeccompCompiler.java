package dev.casemate.seccomp;

import dev.casemate.base.Failures;
import dev.casemate.linux.Seccomp;
import dev.casemate.oci.SeccompSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Compiles a {@code linux.seccomp} to classic BPF (seccomp(2), Documentation/userspace-api/
 * seccomp_filter).
 *
 * <p>What a rule means:
 *
 * <ul>
 *   <li>Names that an architecture does not have, and rules with the default action, are left out.
 *   <li>All arguments of a rule must match; if two are about the same argument, any of them is
 *       enough (as runc has it, whose users write it so).
 *   <li>For a call with a rule without arguments that one counts; else the first rule that matches,
 *       in the order of the spec; else the default action.
 *   <li>Calls that are newer than the newest one of the profile get ENOSYS instead of a denial, so
 *       that libraries fall back to what they used before.
 *   <li>Calls of an architecture that is not listed end the process. The native one always is.
 * </ul>
 *
 * <p>Numbers are found by a binary search over ranges of the same outcome.
 */
public final class SeccompCompiler {
  private static final int ARCH_X86_64 = 0xc000003e;
  private static final int ARCH_I386 = 0x40000003;
  private static final int X32_BIT = 0x40000000;
  private static final int OFFSET_NUMBER = 0;
  private static final int OFFSET_ARCH = 4;
  private static final int OFFSET_ARGS = 16;
  private static final int RULE_LIMIT = 16 * 1024;

  private final SeccompSpec spec;
  private final int defaultAction;
  private final BpfAssembler code = new BpfAssembler();
  private final Map<Integer, Integer> returns = new HashMap<>();

  private SeccompCompiler(SeccompSpec spec) {
    this.spec = spec;
    this.defaultAction = SeccompActions.value(spec.defaultAction(), spec.defaultErrnoRet());
  }

  public static SeccompFilter compile(SeccompSpec spec) {
    int flags = SeccompActions.flags(spec);
    return new SeccompFilter(new SeccompCompiler(spec).program(), flags);
  }

  private long[] program() {
    if (spec.syscalls().size() > RULE_LIMIT) {
      throw Failures.invalid("linux.seccomp has more than " + RULE_LIMIT + " rules; merge some");
    }
    boolean x86 = false;
    boolean x32 = false;
    for (String architecture : spec.architectures()) {
      switch (architecture) {
        case "SCMP_ARCH_X86" -> x86 = true;
        case "SCMP_ARCH_X32" -> x32 = true;
        // The native one is always there; those of other machines cannot occur on this one.
        default -> {
          if (!architecture.startsWith("SCMP_ARCH_")) {
            throw Failures.invalid(
                "linux.seccomp.architectures: \""
                    + architecture
                    + "\" is unknown; use SCMP_ARCH_X86_64 or similar");
          }
        }
      }
    }
    // From the end to the start: see BpfAssembler.
    int alien = code.ret(SeccompActions.KILL_PROCESS);
    int i386 = alien;
    if (x86) {
      i386 = code.load(OFFSET_NUMBER, search(SystemCallTable.I386, 0));
    }
    int x32Numbers = x32 ? search(SystemCallTable.X32, X32_BIT) : alien;
    int numbers = search(SystemCallTable.X86_64, 0);
    // A tracer makes the number −1 to skip a call: that is no call of x32.
    int high = code.jump(BpfAssembler.JEQ, -1, numbers, x32Numbers);
    int native64 = code.jump(BpfAssembler.JGE, X32_BIT, high, numbers);
    native64 = code.load(OFFSET_NUMBER, native64);
    int other = code.jump(BpfAssembler.JEQ, ARCH_I386, i386, alien);
    int start = code.jump(BpfAssembler.JEQ, ARCH_X86_64, native64, other);
    code.load(OFFSET_ARCH, start);
    if (code.size() > Seccomp.LIMIT) {
      throw Failures.invalid(
          "linux.seccomp compiles to "
              + code.size()
              + " instructions, the kernel accepts "
              + Seccomp.LIMIT
              + "; use fewer rules with args");
    }
    return code.program();
  }

  /** A return of this value; written once, and again where it is too far away. */
  private int ret(int action) {
    Integer there = returns.get(action);
    if (there != null && code.size() - there < 200) {
      return there;
    }
    int label = code.ret(action);
    returns.put(action, label);
    return label;
  }

  /** A rule that applies to one call, with its action's value. */
  private record Conditional(List<SeccompSpec.Argument> all, int action) {}

  /** What happens to one call: an action, or conditions that come first. */
  private static final class Outcome {
    boolean settled;
    int action;
    final List<Conditional> conditions = new ArrayList<>();
  }

  private Map<Integer, Outcome> outcomes(SystemCallTable table) {
    Map<Integer, Outcome> outcomes = new TreeMap<>();
    for (SeccompSpec.Rule rule : spec.syscalls()) {
      int action = SeccompActions.value(rule.action(), rule.errnoRet());
      for (String name : rule.names()) {
        int number = table.number(name);
        if (number < 0) {
          continue;
        }
        Outcome outcome = outcomes.get(number);
        if (outcome == null) {
          outcome = new Outcome();
          outcome.action = defaultAction;
          outcomes.put(number, outcome);
        }
        if (action == defaultAction || outcome.settled) {
          continue;
        }
        if (rule.args().isEmpty()) {
          outcome.settled = true;
          outcome.action = action;
          outcome.conditions.clear();
        } else if (SeccompActions.repeatsAnArgument(rule)) {
          for (SeccompSpec.Argument argument : rule.args()) {
            outcome.conditions.add(new Conditional(List.of(argument), action));
          }
        } else {
          outcome.conditions.add(new Conditional(rule.args(), action));
        }
      }
    }
    return outcomes;
  }

  /** Code that finds the number in the accumulator and acts on it. */
  private int search(SystemCallTable table, int base) {
    Map<Integer, Outcome> outcomes = outcomes(table);
    // Ranges: starts[i] up to starts[i + 1] have the same outcome.
    List<Integer> starts = new ArrayList<>();
    List<Outcome> ranges = new ArrayList<>();
    Outcome otherwise = new Outcome();
    otherwise.action = defaultAction;
    int next = 0;
    for (Map.Entry<Integer, Outcome> entry : outcomes.entrySet()) {
      if (entry.getKey() > next) {
        append(starts, ranges, next, otherwise);
      }
      append(starts, ranges, entry.getKey(), entry.getValue());
      next = entry.getKey() + 1;
    }
    Outcome newer = new Outcome();
    newer.action = SeccompActions.unknownCall(defaultAction, !outcomes.isEmpty());
    append(starts, ranges, next, newer);
    return tree(starts, ranges, base, 0, ranges.size());
  }

  private static void append(
      List<Integer> starts, List<Outcome> ranges, int start, Outcome outcome) {
    if (!ranges.isEmpty()) {
      Outcome before = ranges.get(ranges.size() - 1);
      if (before.conditions.isEmpty()
          && outcome.conditions.isEmpty()
          && before.action == outcome.action) {
        return;
      }
    }
    starts.add(start);
    ranges.add(outcome);
  }

  /** Code for the ranges {@code [from, to)}. */
  private int tree(List<Integer> starts, List<Outcome> ranges, int base, int from, int to) {
    if (to - from == 1) {
      return leaf(ranges.get(from));
    }
    int middle = (from + to) >>> 1;
    int right = tree(starts, ranges, base, middle, to);
    int left = tree(starts, ranges, base, from, middle);
    return code.jump(BpfAssembler.JGE, base + starts.get(middle), right, left);
  }

  private int leaf(Outcome outcome) {
    int next = ret(outcome.action);
    for (int i = outcome.conditions.size() - 1; i >= 0; i--) {
      Conditional condition = outcome.conditions.get(i);
      int match = ret(condition.action());
      for (int j = condition.all().size() - 1; j >= 0; j--) {
        match = compare(condition.all().get(j), match, next);
      }
      next = match;
    }
    return next;
  }

  /** Code that compares a 64-bit argument by halves, the upper one first. */
  private int compare(SeccompSpec.Argument argument, int match, int fail) {
    int index = argument.index();
    if (index < 0 || index > 5) {
      throw Failures.invalid(
          "linux.seccomp: argument index "
              + index
              + " is not valid; a system call has arguments 0 to 5");
    }
    int low = OFFSET_ARGS + 8 * index;
    long value = argument.value();
    return switch (argument.op()) {
      case "SCMP_CMP_EQ" -> equal(low, value, match, fail);
      case "SCMP_CMP_NE" -> equal(low, value, fail, match);
      case "SCMP_CMP_GT" -> ordered(BpfAssembler.JGT, low, value, match, fail);
      case "SCMP_CMP_LE" -> ordered(BpfAssembler.JGT, low, value, fail, match);
      case "SCMP_CMP_GE" -> ordered(BpfAssembler.JGE, low, value, match, fail);
      case "SCMP_CMP_LT" -> ordered(BpfAssembler.JGE, low, value, fail, match);
      case "SCMP_CMP_MASKED_EQ" -> masked(low, value, argument.valueTwo(), match, fail);
      default ->
          throw Failures.invalid(
              "linux.seccomp: comparison \""
                  + argument.op()
                  + "\" is unknown; use SCMP_CMP_EQ, "
                  + "NE, LT, LE, GE, GT or MASKED_EQ");
    };
  }

  private int equal(int low, long value, int match, int fail) {
    int lower = code.jump(BpfAssembler.JEQ, (int) value, match, fail);
    lower = code.load(low, lower);
    int upper = code.jump(BpfAssembler.JEQ, (int) (value >>> 32), lower, fail);
    return code.load(low + 4, upper);
  }

  private int ordered(int comparison, int low, long value, int match, int fail) {
    int upperValue = (int) (value >>> 32);
    int lower = code.jump(comparison, (int) value, match, fail);
    lower = code.load(low, lower);
    int same = code.jump(BpfAssembler.JEQ, upperValue, lower, fail);
    int upper = code.jump(BpfAssembler.JGT, upperValue, match, same);
    return code.load(low + 4, upper);
  }

  private int masked(int low, long mask, long value, int match, int fail) {
    int lower = code.jump(BpfAssembler.JEQ, (int) value, match, fail);
    lower = code.load(low, code.and((int) mask, lower));
    int upper = code.jump(BpfAssembler.JEQ, (int) (value >>> 32), lower, fail);
    return code.load(low + 4, code.and((int) (mask >>> 32), upper));
  }
}
