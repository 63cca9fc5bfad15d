package dev.casemate.jail;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The filter's program, run by a small classic BPF machine. */
class SystemCallFilterTest {
  private static final long X86_64 = 0xc000003eL;

  private static int run(int number, long architecture, long... arguments) {
    long[] program = SystemCallFilter.program();
    long accumulator = 0;
    for (int at = 0; at < program.length; at++) {
      int code = (int) (program[at] >>> 48);
      int yes = (int) (program[at] >>> 40) & 0xff;
      int no = (int) (program[at] >>> 32) & 0xff;
      long k = program[at] & 0xffffffffL;
      switch (code) {
        case 0x20 -> accumulator = load((int) k, number, architecture, arguments);
        case 0x54 -> accumulator &= k;
        case 0x15 -> at += accumulator == k ? yes : no;
        case 0x35 -> at += accumulator >= k ? yes : no;
        case 0x45 -> at += (accumulator & k) != 0 ? yes : no;
        case 0x06 -> {
          return (int) k;
        }
        default -> throw new AssertionError("instruction " + code);
      }
    }
    throw new AssertionError("the program ran past its end");
  }

  private static long load(int offset, int number, long architecture, long[] arguments) {
    if (offset == 0) {
      return number & 0xffffffffL;
    }
    if (offset == 4) {
      return architecture;
    }
    int index = (offset - 16) / 8;
    long argument = index < arguments.length ? arguments[index] : 0;
    return (offset - 16) % 8 == 0 ? argument & 0xffffffffL : argument >>> 32;
  }

  @Test
  void whatIsNotListedFails() {
    List<Integer> allowed = new ArrayList<>();
    for (String line : SystemCallFilter.describe()) {
      allowed.add(Integer.parseInt(line.split(" ")[1]));
    }
    for (int number = 0; number < 1024; number++) {
      int result = run(number, X86_64, 0x3d0f00, 2, 1);
      if (!allowed.contains(number) && number != 59 && number != 112) {
        assertThat(result)
            .as("call " + number)
            .isIn(SystemCallFilter.EPERM, SystemCallFilter.ENOSYS);
      }
    }
  }

  @Test
  void anotherArchitectureEndsTheProcess() {
    assertThat(run(1, 0x40000003L)).isEqualTo(SystemCallFilter.KILL);
    assertThat(run(0x40000001, X86_64)).isEqualTo(SystemCallFilter.EPERM);
  }

  @Test
  void threadsAreAllowedAndProcessesAsked() {
    assertThat(run(56, X86_64, 0x3d0f00)).isEqualTo(SystemCallFilter.ALLOW);
    assertThat(run(56, X86_64, 0x4111)).isEqualTo(SystemCallFilter.ASK);
    assertThat(run(56, X86_64, 17)).isEqualTo(SystemCallFilter.ASK);
    assertThat(run(59, X86_64)).isEqualTo(SystemCallFilter.ASK);
    assertThat(run(112, X86_64)).isEqualTo(SystemCallFilter.ASK);
    assertThat(run(202, X86_64)).isEqualTo(SystemCallFilter.ALLOW);
    assertThat(run(57, X86_64)).isEqualTo(SystemCallFilter.EPERM);
    assertThat(run(322, X86_64)).isEqualTo(SystemCallFilter.EPERM);
    assertThat(run(435, X86_64)).isEqualTo(SystemCallFilter.ENOSYS);
  }

  @Test
  void limitsCanBeReadOnly() {
    assertThat(run(302, X86_64, 0, 7, 0, 0x1000)).isEqualTo(SystemCallFilter.ALLOW);
    assertThat(run(302, X86_64, 0, 7, 0x1000, 0)).isEqualTo(SystemCallFilter.EPERM);
    assertThat(run(302, X86_64, 0, 7, 1L << 32, 0)).isEqualTo(SystemCallFilter.EPERM);
    assertThat(run(160, X86_64)).isEqualTo(SystemCallFilter.EPERM);
  }

  @Test
  void onlyStreamsBetweenItself() {
    assertThat(run(53, X86_64, 1, 0x80001, 0, 0)).isEqualTo(SystemCallFilter.ALLOW);
    assertThat(run(53, X86_64, 1, 2, 0, 0)).isEqualTo(SystemCallFilter.EPERM);
    assertThat(run(53, X86_64, 2, 1, 0, 0)).isEqualTo(SystemCallFilter.EPERM);
    assertThat(run(41, X86_64, 1, 1)).isEqualTo(SystemCallFilter.EPERM);
  }

  @Test
  void noTypingIntoTerminalsAndNoOtherProcessControl() {
    assertThat(run(16, X86_64, 0, 0x5412)).isEqualTo(SystemCallFilter.EPERM);
    assertThat(run(16, X86_64, 0, 0x541c)).isEqualTo(SystemCallFilter.EPERM);
    assertThat(run(16, X86_64, 0, 0xae80)).isEqualTo(SystemCallFilter.ALLOW);
    assertThat(run(157, X86_64, 15)).isEqualTo(SystemCallFilter.ALLOW);
    assertThat(run(157, X86_64, 4)).isEqualTo(SystemCallFilter.EPERM);
    assertThat(run(157, X86_64, 24)).isEqualTo(SystemCallFilter.EPERM);
  }
}
