package dev.casemate.seccomp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.oci.DefaultSeccomp;
import dev.casemate.oci.DefaultSpec;
import dev.casemate.oci.SeccompSpec;
import dev.casemate.oci.SeccompSpec.Argument;
import dev.casemate.oci.SeccompSpec.Rule;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SeccompCompilerTest {
  private static final int X86_64 = 0xc000003e;
  private static final int I386 = 0x40000003;
  private static final int ALLOW = 0x7fff0000;
  private static final String[] OPERATORS = {"NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"};
  private static final String[] ACTIONS = {
    "KILL", "KILL_PROCESS", "KILL_THREAD", "TRAP", "ERRNO", "TRACE", "ALLOW", "LOG"
  };

  private static SeccompSpec spec(
      String defaultAction, Optional<Integer> errno, List<String> architectures, Rule... rules) {
    return new SeccompSpec(defaultAction, errno, architectures, List.of(), "", "", List.of(rules));
  }

  private static int run(SeccompSpec spec, int arch, int number, long... args) {
    long[] program = SeccompCompiler.compile(spec).program();
    BpfInterpreter.verify(program);
    long[] six = java.util.Arrays.copyOf(args, 6);
    return BpfInterpreter.run(program, new BpfInterpreter.Call(number, arch, six));
  }

  /** The meaning of a spec, straight from the compiler's description. */
  private static int naive(SeccompSpec spec, int arch, int number, long[] args) {
    boolean x32 = arch == X86_64 && number >= 0x40000000;
    SystemCallTable table =
        arch == I386 ? SystemCallTable.I386 : x32 ? SystemCallTable.X32 : SystemCallTable.X86_64;
    boolean listed =
        arch == X86_64 && !x32
            || arch == I386 && spec.architectures().contains("SCMP_ARCH_X86")
            || x32 && spec.architectures().contains("SCMP_ARCH_X32");
    if (!listed) {
      return 0x80000000;
    }
    int plain = x32 ? number - 0x40000000 : number;
    int otherwise = SeccompActions.value(spec.defaultAction(), spec.defaultErrnoRet());
    int newest = -1;
    for (Rule rule : spec.syscalls()) {
      for (String name : rule.names()) {
        newest = Math.max(newest, table.number(name));
      }
    }
    if (Integer.compareUnsigned(plain, newest) > 0 || newest < 0) {
      return SeccompActions.unknownCall(otherwise, newest >= 0);
    }
    for (boolean conditional : new boolean[] {false, true}) {
      for (Rule rule : spec.syscalls()) {
        int action = SeccompActions.value(rule.action(), rule.errnoRet());
        if (action == otherwise || rule.args().isEmpty() == conditional) {
          continue;
        }
        boolean about = false;
        for (String name : rule.names()) {
          about |= table.number(name) == plain;
        }
        if (about && matches(rule, args)) {
          return action;
        }
      }
    }
    return otherwise;
  }

  private static boolean matches(Rule rule, long[] args) {
    if (rule.args().isEmpty()) {
      return true;
    }
    boolean any = SeccompActions.repeatsAnArgument(rule);
    for (Argument argument : rule.args()) {
      if (matches(argument, args[argument.index()]) == any) {
        return any;
      }
    }
    return !any;
  }

  private static boolean matches(Argument argument, long value) {
    int order = Long.compareUnsigned(value, argument.value());
    return switch (argument.op()) {
      case "SCMP_CMP_NE" -> order != 0;
      case "SCMP_CMP_LT" -> order < 0;
      case "SCMP_CMP_LE" -> order <= 0;
      case "SCMP_CMP_EQ" -> order == 0;
      case "SCMP_CMP_GE" -> order >= 0;
      case "SCMP_CMP_GT" -> order > 0;
      default -> (value & argument.value()) == argument.valueTwo();
    };
  }

  private static final List<String> NAMES = names();

  private static List<String> names() {
    List<String> names = new ArrayList<>();
    for (String word : SystemCallsX86_64.NAMES.split(" ")) {
      if (word.charAt(0) != '@') {
        names.add(word);
      }
    }
    names.addAll(List.of("socketcall", "mmap2", "no_such_call", "_llseek"));
    return names;
  }

  private static long value(Random random) {
    return switch (random.nextInt(6)) {
      case 0 -> random.nextInt(4);
      case 1 -> -1L;
      case 2 -> random.nextLong();
      case 3 -> 1L << random.nextInt(64);
      case 4 -> 0xffffffffL;
      default -> random.nextInt(100);
    };
  }

  private static SeccompSpec randomSpec(Random random) {
    int count = random.nextInt(60);
    Rule[] rules = new Rule[count];
    for (int i = 0; i < count; i++) {
      List<String> names = new ArrayList<>();
      int howMany = 1 + random.nextInt(random.nextInt(10) == 0 ? 200 : 4);
      for (int j = 0; j < howMany; j++) {
        names.add(NAMES.get(random.nextInt(NAMES.size())));
      }
      List<Argument> args = new ArrayList<>();
      int conditions = random.nextInt(3) == 0 ? 0 : random.nextInt(4);
      for (int j = 0; j < conditions && howMany < 10; j++) {
        args.add(
            new Argument(
                random.nextInt(6),
                value(random),
                value(random),
                "SCMP_CMP_" + OPERATORS[random.nextInt(OPERATORS.length)]));
      }
      String action = "SCMP_ACT_" + ACTIONS[random.nextInt(ACTIONS.length)];
      rules[i] = new Rule(names, action, errno(action, random), args);
    }
    List<String> architectures = new ArrayList<>();
    architectures.add("SCMP_ARCH_X86_64");
    if (random.nextBoolean()) {
      architectures.add("SCMP_ARCH_X86");
    }
    if (random.nextBoolean()) {
      architectures.add("SCMP_ARCH_X32");
    }
    String action = "SCMP_ACT_" + ACTIONS[random.nextInt(ACTIONS.length)];
    return spec(action, errno(action, random), architectures, rules);
  }

  private static Optional<Integer> errno(String action, Random random) {
    boolean has = action.equals("SCMP_ACT_ERRNO") || action.equals("SCMP_ACT_TRACE");
    return has && random.nextBoolean() ? Optional.of(random.nextInt(200)) : Optional.empty();
  }

  @Test
  void anErrnoForAnActionThatHasNoneMustFail() {
    assertThatThrownBy(
            () ->
                SeccompCompiler.compile(
                    spec(
                        "SCMP_ACT_ALLOW",
                        Optional.empty(),
                        List.of(),
                        new Rule(List.of("mkdir"), "SCMP_ACT_KILL", Optional.of(1), List.of()))))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("SCMP_ACT_KILL does not return an errno");
  }

  @Test
  void namesMustContainAtLeastOneEntry() {
    assertThatThrownBy(
            () ->
                SeccompCompiler.compile(
                    spec(
                        "SCMP_ACT_ALLOW",
                        Optional.empty(),
                        List.of(),
                        new Rule(List.of(), "SCMP_ACT_KILL", Optional.empty(), List.of()))))
        .hasMessageContaining("names");
  }

  @Test
  void listenerMetadataMustNotBeSetWithoutListenerPath() {
    SeccompSpec spec =
        new SeccompSpec(
            "SCMP_ACT_ALLOW", Optional.empty(), List.of(), List.of(), "", "data", List.of());
    assertThatThrownBy(() -> SeccompCompiler.compile(spec)).hasMessageContaining("listenerPath");
  }

  @Test
  void flagsAreThoseOfTheListAndOnlyWithoutOneTheDefault() {
    for (String[] one :
        new String[][] {
          {"", "4"},
          {",\"flags\":null", "4"},
          {",\"flags\":[]", "0"},
          {",\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\"]", "0"},
          {",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"]", "6"},
        }) {
      SeccompSpec spec =
          SeccompSpec.fromJson(
              Json.parseObject("{\"defaultAction\":\"SCMP_ACT_ALLOW\"" + one[0] + "}"));
      assertThat(SeccompCompiler.compile(spec).flags())
          .as(one[0])
          .isEqualTo(Integer.parseInt(one[1]));
      assertThat(SeccompSpec.fromJson(spec.toJson())).isEqualTo(spec);
    }
  }

  @Test
  void programsMeanWhatTheRulesMean() {
    Random random = new Random(20261122);
    int longest = 0;
    for (int i = 0; i < 400; i++) {
      SeccompSpec spec = randomSpec(random);
      long[] program = SeccompCompiler.compile(spec).program();
      BpfInterpreter.verify(program);
      longest = Math.max(longest, program.length);
      for (int j = 0; j < 300; j++) {
        int arch = j % 5 == 0 ? I386 : j % 17 == 0 ? random.nextInt() : X86_64;
        int number = random.nextInt(j % 3 == 0 ? 600 : 480);
        if (j % 7 == 0) {
          number += 0x40000000;
        }
        long[] args = new long[6];
        for (int k = 0; k < 6; k++) {
          args[k] = value(random);
        }
        int found = BpfInterpreter.run(program, new BpfInterpreter.Call(number, arch, args));
        int expected = naive(spec, arch, number, args);
        if (found != expected) {
          assertThat(found)
              .as("spec %d call %d of %x with %s", i, number, arch, List.of(args))
              .isEqualTo(expected);
        }
      }
    }
    // Long enough for jumps that eight bits do not reach.
    assertThat(longest).isGreaterThan(600);
  }

  @Test
  void everyCallOfAListIsFoundAndNothingElse() {
    List<String> even = new ArrayList<>();
    for (String name : NAMES) {
      if (SystemCallTable.X86_64.number(name) % 2 == 0) {
        even.add(name);
      }
    }
    SeccompSpec spec =
        spec(
            "SCMP_ACT_ERRNO",
            Optional.empty(),
            List.of(),
            Rule.allow(even),
            new Rule(List.of("close"), "SCMP_ACT_TRAP", Optional.empty(), List.of()));
    long[] program = SeccompCompiler.compile(spec).program();
    for (String name : NAMES) {
      int number = SystemCallTable.X86_64.number(name);
      if (number < 0 || number > 462) {
        continue;
      }
      int found = BpfInterpreter.run(program, new BpfInterpreter.Call(number, X86_64, new long[6]));
      assertThat(found)
          .as(name)
          .isEqualTo(number == 3 ? 0x30000 : number % 2 == 0 ? ALLOW : 0x50001);
    }
  }

  @Test
  void newerCallsThanTheProfileKnowsGetEnosys() {
    SeccompSpec spec =
        spec(
            "SCMP_ACT_ERRNO", Optional.of(1), List.of(), Rule.allow(List.of("read", "faccessat2")));
    assertThat(run(spec, X86_64, 439)).isEqualTo(ALLOW);
    assertThat(run(spec, X86_64, 438)).isEqualTo(0x50001);
    assertThat(run(spec, X86_64, 440)).isEqualTo(0x50000 | 38);
  }

  @Test
  void otherArchitecturesEndTheProcessUnlessListed() {
    SeccompSpec only64 = spec("SCMP_ACT_ALLOW", Optional.empty(), List.of("SCMP_ARCH_X86_64"));
    assertThat(run(only64, I386, 1)).isEqualTo(0x80000000);
    assertThat(run(only64, X86_64, 0x40000001)).isEqualTo(0x80000000);
    assertThat(run(only64, X86_64, -1)).isEqualTo(ALLOW);
    SeccompSpec all =
        spec(
            "SCMP_ACT_ERRNO",
            Optional.empty(),
            List.of("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
            Rule.allow(List.of("exit", "execve")));
    assertThat(run(all, I386, 1)).isEqualTo(ALLOW);
    assertThat(run(all, I386, 11)).isEqualTo(ALLOW);
    assertThat(run(all, X86_64, 60)).isEqualTo(ALLOW);
    assertThat(run(all, X86_64, 1)).isEqualTo(0x50001);
    assertThat(run(all, X86_64, 0x40000000 + 520)).isEqualTo(ALLOW);
  }

  @Test
  void theDefaultProfileAllowsAndDeniesWhatItShould() {
    SeccompSpec plain = DefaultSeccomp.profile(DefaultSpec.CAPABILITIES);
    long[] program = SeccompCompiler.compile(plain).program();
    BpfInterpreter.verify(program);
    assertThat(program.length).isLessThan(1000);
    assertThat(verdict(plain, "openat")).isEqualTo(ALLOW);
    assertThat(verdict(plain, "mount")).isEqualTo(0x50001);
    assertThat(verdict(plain, "clone3")).isEqualTo(0x50000 | 38);
    assertThat(verdict(plain, "clone", 0x11)).isEqualTo(ALLOW);
    assertThat(verdict(plain, "clone", 0x10000000)).isEqualTo(0x50001);
    assertThat(verdict(plain, "socket", 2)).isEqualTo(ALLOW);
    assertThat(verdict(plain, "socket", 40)).isEqualTo(0x50001);
    assertThat(verdict(plain, "personality", 0xffffffffL)).isEqualTo(ALLOW);
    assertThat(verdict(plain, "personality", 0x40000)).isEqualTo(0x50001);
    assertThat(verdict(plain, "chroot")).isEqualTo(ALLOW);
    SeccompSpec admin = DefaultSeccomp.profile(List.of("CAP_SYS_ADMIN"));
    assertThat(verdict(admin, "mount")).isEqualTo(ALLOW);
    assertThat(verdict(admin, "clone3")).isEqualTo(ALLOW);
    assertThat(verdict(admin, "clone", 0x10000000)).isEqualTo(ALLOW);
    assertThat(verdict(admin, "chroot")).isEqualTo(0x50001);
  }

  private static int verdict(SeccompSpec spec, String name, long... args) {
    return run(spec, X86_64, SystemCallTable.X86_64.number(name), args);
  }

  @Test
  void whatCannotBeIsRefusedInWords() {
    assertThatThrownBy(
            () ->
                SeccompCompiler.compile(
                    spec(
                        "SCMP_ACT_ALLOW",
                        Optional.empty(),
                        List.of(),
                        new Rule(
                            List.of("read"),
                            "SCMP_ACT_ERRNO",
                            Optional.empty(),
                            List.of(new Argument(6, 0, 0, "SCMP_CMP_EQ"))))))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("argument index 6");
    assertThatThrownBy(
            () -> SeccompCompiler.compile(spec("SCMP_ACT_MAYBE", Optional.empty(), List.of())))
        .hasMessageContaining("SCMP_ACT_MAYBE");
    assertThatThrownBy(
            () ->
                SeccompCompiler.compile(
                    spec(
                        "SCMP_ACT_ALLOW",
                        Optional.empty(),
                        List.of(),
                        new Rule(
                            List.of("connect"), "SCMP_ACT_NOTIFY", Optional.empty(), List.of()))))
        .hasMessageContaining("listenerPath");
  }
}
