package dev.casemate.seccomp;

import java.util.Arrays;

/**
 * Assembles classic BPF from its end to its start: jumps only lead forward, so that when one is
 * written all its targets have their place. Targets that an 8-bit jump cannot reach are repeated
 * (returns) or reached by way of an unconditional jump.
 *
 * <p>A label is the position of an instruction counted from the program's end.
 */
final class BpfAssembler {
  static final int LD_ABS = 0x20;
  static final int ALU_AND = 0x54;
  static final int JA = 0x05;
  static final int JEQ = 0x15;
  static final int JGT = 0x25;
  static final int JGE = 0x35;
  static final int RET = 0x06;

  /** One less than what a jump can do for each instruction that may still come between. */
  private static final int REACH = 255;

  private long[] reversed = new long[256];
  private int size;

  /** {@code struct sock_filter} in a word, as {@link dev.casemate.linux.Seccomp} takes it. */
  static long instruction(int code, int jumpTrue, int jumpFalse, int k) {
    return ((long) code << 48)
        | ((long) jumpTrue << 40)
        | ((long) jumpFalse << 32)
        | (k & 0xffffffffL);
  }

  private int add(long instruction) {
    if (size == reversed.length) {
      reversed = Arrays.copyOf(reversed, 2 * size);
    }
    reversed[size] = instruction;
    return size++;
  }

  int size() {
    return size;
  }

  int ret(int value) {
    return add(instruction(RET, 0, 0, value));
  }

  int load(int offset, int next) {
    fallThrough(next);
    return add(instruction(LD_ABS, 0, 0, offset));
  }

  int and(int mask, int next) {
    fallThrough(next);
    return add(instruction(ALU_AND, 0, 0, mask));
  }

  /** Makes sure that what is written next runs on into {@code target}. */
  private void fallThrough(int target) {
    if (target != size - 1) {
      jump(target);
    }
  }

  private int jump(int target) {
    if ((int) (reversed[target] >>> 48) == RET) {
      return add(reversed[target]);
    }
    return add(instruction(JA, 0, 0, size - 1 - target));
  }

  /** A conditional jump. */
  int jump(int code, int k, int whenTrue, int whenFalse) {
    int far = whenTrue;
    int other = whenFalse;
    // A bridge for one moves the other away by one.
    if (size - 1 - other > REACH - 1) {
      other = jump(other);
    }
    if (size - 1 - far > REACH) {
      far = jump(far);
    }
    return add(instruction(code, size - 1 - far, size - 1 - other, k));
  }

  /** The program, from its start to its end. */
  long[] program() {
    long[] program = new long[size];
    for (int i = 0; i < size; i++) {
      program[i] = reversed[size - 1 - i];
    }
    return program;
  }
}
