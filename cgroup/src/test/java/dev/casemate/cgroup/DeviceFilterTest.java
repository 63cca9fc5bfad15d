package dev.casemate.cgroup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Bpf;
import dev.casemate.linux.Fd;
import dev.casemate.oci.DefaultSpec;
import dev.casemate.oci.Resources.DeviceRule;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("root")
class DeviceFilterTest {
  private static final int BLOCK = 1;
  private static final int CHARACTER = 2;

  /** Runs the few instructions of eBPF that the compiler uses. */
  private static boolean allowed(byte[] program, int type, int access, int major, int minor) {
    ByteBuffer code = ByteBuffer.wrap(program).order(ByteOrder.LITTLE_ENDIAN);
    long[] r = new long[11];
    int at = 0;
    while (true) {
      int operation = code.get(8 * at) & 0xff;
      int target = code.get(8 * at + 1) & 15;
      int source = (code.get(8 * at + 1) >> 4) & 15;
      int offset = code.getShort(8 * at + 2);
      int value = code.getInt(8 * at + 4);
      at++;
      switch (operation) {
        case 0x61 ->
            r[target] =
                switch (offset) {
                  case 0 -> (access << 16 | type) & 0xffffffffL;
                  case 4 -> major & 0xffffffffL;
                  default -> minor & 0xffffffffL;
                };
        case 0xbf -> r[target] = r[source];
        case 0xb7 -> r[target] = value;
        case 0x57 -> r[target] &= value;
        case 0x77 -> r[target] >>>= value;
        case 0x15 -> at += r[target] == value ? offset : 0;
        case 0x55 -> at += r[target] != value ? offset : 0;
        case 0x95 -> {
          return r[0] != 0;
        }
        default -> throw new AssertionError("instruction " + operation);
      }
    }
  }

  private static DeviceRule rule(boolean allow, String type, int major, int minor, String access) {
    return new DeviceRule(
        allow,
        type,
        major < 0 ? Optional.empty() : Optional.of(major),
        minor < 0 ? Optional.empty() : Optional.of(minor),
        access);
  }

  private static boolean naive(List<DeviceRule> rules, int type, int access, int major, int minor) {
    for (int bit : new int[] {1, 2, 4}) {
      if ((access & bit) == 0) {
        continue;
      }
      boolean allowed = false;
      for (DeviceRule rule : rules) {
        boolean about =
            (rule.type().equals("a") || rule.type().equals(type == BLOCK ? "b" : "c"))
                && rule.major().orElse(major) == major
                && rule.minor().orElse(minor) == minor
                && rule.access().indexOf(bit == 1 ? 'm' : bit == 2 ? 'r' : 'w') >= 0;
        if (about) {
          allowed = rule.allow();
        }
      }
      if (!allowed) {
        return false;
      }
    }
    return true;
  }

  @Test
  void programsMeanWhatTheRulesMeanAndTheKernelTakesThem() {
    Random random = new Random(5);
    String[] accesses = {"r", "w", "m", "rw", "rm", "wm", "rwm"};
    for (int i = 0; i < 200; i++) {
      List<DeviceRule> rules = new ArrayList<>();
      for (int j = random.nextInt(8); j > 0; j--) {
        rules.add(
            rule(
                random.nextBoolean(),
                new String[] {"a", "b", "c"}[random.nextInt(3)],
                random.nextInt(4) - 1,
                random.nextInt(4) - 1,
                accesses[random.nextInt(7)]));
      }
      byte[] program = DeviceFilter.compile(rules);
      if (i % 20 == 0) {
        try (Fd loaded = Bpf.loadDeviceProgram(program)) {
          assertThat(loaded.isOpen()).isTrue();
        }
      }
      for (int type = BLOCK; type <= CHARACTER; type++) {
        for (int access = 1; access < 8; access++) {
          for (int number = 0; number < 16; number++) {
            assertThat(allowed(program, type, access, number / 4, number % 4))
                .isEqualTo(naive(rules, type, access, number / 4, number % 4));
          }
        }
      }
    }
  }

  @Test
  void aPlainContainerMayUseNullAndTerminalsButNoDisks() {
    List<DeviceRule> rules = DeviceFilter.withDefaults(DefaultSpec.deviceRules());
    byte[] program = DeviceFilter.compile(rules);
    assertThat(allowed(program, CHARACTER, 6, 1, 3)).isTrue();
    assertThat(allowed(program, CHARACTER, 6, 136, 7)).isTrue();
    assertThat(allowed(program, CHARACTER, 6, 5, 1)).isTrue();
    assertThat(allowed(program, CHARACTER, 2, 10, 229)).isFalse();
    assertThat(allowed(program, BLOCK, 2, 8, 0)).isFalse();
    assertThat(allowed(program, BLOCK, 1, 8, 0)).as("mknod alone").isTrue();
    assertThat(DeviceFilter.allowsAll(DefaultSpec.deviceRules())).isFalse();
    assertThat(DeviceFilter.allowsAll(List.of(rule(true, "a", -1, -1, "rwm")))).isTrue();
    try (Fd loaded = Bpf.loadDeviceProgram(program)) {
      assertThat(loaded.isOpen()).isTrue();
    }
  }
}
