package dev.casemate.cgroup;

import dev.casemate.base.Failures;
import dev.casemate.oci.Resources.DeviceRule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Compiles device rules to a {@code BPF_PROG_TYPE_CGROUP_DEVICE} program. Each kind of access that
 * is asked for (read, write, mknod) is decided by the last rule that is about the device and this
 * access; all must be allowed. Without a rule an access is denied.
 */
final class DeviceFilter {
  private static final int MKNOD = 1;
  private static final int READ = 2;
  private static final int WRITE = 4;
  private static final int ALL = MKNOD | READ | WRITE;
  private static final int TYPE_BLOCK = 1;
  private static final int TYPE_CHARACTER = 2;
  private static final int RULE_LIMIT = 4096;

  /** Instruction codes of linux/bpf.h. */
  private static final int LOAD_WORD = 0x61;

  private static final int MOVE_REGISTER = 0xbf;
  private static final int MOVE_VALUE = 0xb7;
  private static final int AND_VALUE = 0x57;
  private static final int SHIFT_RIGHT = 0x77;
  private static final int JUMP_EQUAL = 0x15;
  private static final int JUMP_NOT_EQUAL = 0x55;
  private static final int EXIT = 0x95;

  /** Made available to every container, as runc does: nodes may be made, these may be used. */
  private static final List<DeviceRule> ALWAYS =
      List.of(
          rule("c", -1, -1, "m"),
          rule("b", -1, -1, "m"),
          rule("c", 1, 3, "rwm"),
          rule("c", 1, 8, "rwm"),
          rule("c", 1, 7, "rwm"),
          rule("c", 5, 0, "rwm"),
          rule("c", 1, 5, "rwm"),
          rule("c", 1, 9, "rwm"),
          rule("c", 136, -1, "rwm"),
          rule("c", 5, 2, "rwm"));

  private byte[] code = new byte[1024];
  private int size;

  private DeviceFilter() {}

  private static DeviceRule rule(String type, int major, int minor, String access) {
    return new DeviceRule(
        true,
        type,
        major < 0 ? Optional.empty() : Optional.of(major),
        minor < 0 ? Optional.empty() : Optional.of(minor),
        access);
  }

  /** The rules of a spec with what every container may use. */
  static List<DeviceRule> withDefaults(List<DeviceRule> rules) {
    List<DeviceRule> all = new ArrayList<>(rules);
    all.addAll(ALWAYS);
    return all;
  }

  /** Whether the rules allow everything, so that no program is needed. */
  static boolean allowsAll(List<DeviceRule> rules) {
    for (int i = rules.size() - 1; i >= 0; i--) {
      DeviceRule rule = rules.get(i);
      if (!rule.allow()) {
        return false;
      }
      if (isEverything(rule)) {
        return true;
      }
    }
    return false;
  }

  static boolean isEverything(DeviceRule rule) {
    return type(rule) == 0 && any(rule.major()) && any(rule.minor()) && access(rule) == ALL;
  }

  private static boolean any(Optional<Integer> number) {
    return number.isEmpty() || number.get() == -1;
  }

  private static int type(DeviceRule rule) {
    return switch (rule.type()) {
      case "", "a" -> 0;
      case "b" -> TYPE_BLOCK;
      case "c", "u" -> TYPE_CHARACTER;
      default ->
          throw Failures.invalid(
              "linux.resources.devices: type \"" + rule.type() + "\" is unknown; use a, b or c");
    };
  }

  static int access(DeviceRule rule) {
    if (rule.access().isEmpty()) {
      return ALL;
    }
    int bits = 0;
    for (int i = 0; i < rule.access().length(); i++) {
      int bit = accessBit(rule.access().charAt(i));
      if (bit == 0) {
        throw Failures.invalid(
            "linux.resources.devices: access \""
                + rule.access()
                + "\" is unknown; use letters of rwm");
      }
      bits |= bit;
    }
    return bits;
  }

  /** The bit of a letter; 0 for one that is none. */
  static int accessBit(char letter) {
    return switch (letter) {
      case 'r' -> READ;
      case 'w' -> WRITE;
      case 'm' -> MKNOD;
      // All, as the kernel's own files have it for types; configurations for runc use it.
      case 'a' -> ALL;
      default -> 0;
    };
  }

  /** Whether a rule is about devices of a type, {@code b} or {@code c}. */
  static boolean isOfType(DeviceRule rule, char type) {
    int number = type(rule);
    return number == 0 || number == (type == 'b' ? TYPE_BLOCK : TYPE_CHARACTER);
  }

  /** The program, 8 bytes an instruction. */
  static byte[] compile(List<DeviceRule> rules) {
    if (rules.size() > RULE_LIMIT) {
      throw Failures.invalid(
          "linux.resources.devices has more than " + RULE_LIMIT + " rules; merge some");
    }
    DeviceFilter filter = new DeviceFilter();
    // r1: struct bpf_cgroup_dev_ctx; r2: type, r3: accesses to be decided, r4: major, r5: minor.
    filter.add(LOAD_WORD, 2, 1, 0, 0);
    filter.add(MOVE_REGISTER, 3, 2, 0, 0);
    filter.add(AND_VALUE, 2, 0, 0, 0xffff);
    filter.add(SHIFT_RIGHT, 3, 0, 0, 16);
    filter.add(LOAD_WORD, 4, 1, 4, 0);
    filter.add(LOAD_WORD, 5, 1, 8, 0);
    boolean open = true;
    for (int i = rules.size() - 1; i >= 0 && open; i--) {
      open = filter.rule(rules.get(i));
    }
    if (open) {
      filter.finish(0);
    }
    return Arrays.copyOf(filter.code, filter.size);
  }

  /** Adds a rule; false if nothing gets past it. */
  private boolean rule(DeviceRule rule) {
    int access = access(rule);
    if (isEverything(rule)) {
      finish(rule.allow() ? 1 : 0);
      return false;
    }
    List<Integer> patches = new ArrayList<>();
    if (type(rule) != 0) {
      patches.add(add(JUMP_NOT_EQUAL, 2, 0, 0, type(rule)));
    }
    if (!any(rule.major())) {
      patches.add(add(JUMP_NOT_EQUAL, 4, 0, 0, rule.major().get()));
    }
    if (!any(rule.minor())) {
      patches.add(add(JUMP_NOT_EQUAL, 5, 0, 0, rule.minor().get()));
    }
    if (rule.allow()) {
      // What this rule allows is decided; once nothing is left, all is allowed.
      add(AND_VALUE, 3, 0, 0, ~access & ALL);
      patches.add(add(JUMP_NOT_EQUAL, 3, 0, 0, 0));
      finish(1);
    } else {
      add(MOVE_REGISTER, 1, 3, 0, 0);
      add(AND_VALUE, 1, 0, 0, access);
      patches.add(add(JUMP_EQUAL, 1, 0, 0, 0));
      finish(0);
    }
    for (int at : patches) {
      int offset = (size - at) / 8 - 1;
      code[at + 2] = (byte) offset;
      code[at + 3] = (byte) (offset >> 8);
    }
    return true;
  }

  private void finish(int result) {
    add(MOVE_VALUE, 0, 0, 0, result);
    add(EXIT, 0, 0, 0, 0);
  }

  /** Adds a {@code struct bpf_insn} and returns where it is. */
  private int add(int operation, int target, int source, int offset, int value) {
    if (size + 8 > code.length) {
      code = Arrays.copyOf(code, 2 * code.length);
    }
    int at = size;
    code[at] = (byte) operation;
    code[at + 1] = (byte) (target | source << 4);
    code[at + 2] = (byte) offset;
    code[at + 3] = (byte) (offset >> 8);
    for (int i = 0; i < 4; i++) {
      code[at + 4 + i] = (byte) (value >>> (8 * i));
    }
    size += 8;
    return at;
  }
}
