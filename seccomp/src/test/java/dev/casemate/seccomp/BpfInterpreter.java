package dev.casemate.seccomp;

/** Runs classic BPF as the kernel runs a seccomp filter, checking what the kernel checks. */
final class BpfInterpreter {
  private BpfInterpreter() {}

  /** A call as a filter sees it. */
  record Call(int number, int arch, long[] args) {
    int word(int offset) {
      return switch (offset) {
        case 0 -> number;
        case 4 -> arch;
        case 8, 12 -> 0;
        default -> {
          long arg = args[(offset - 16) / 8];
          yield offset % 8 == 0 ? (int) arg : (int) (arg >>> 32);
        }
      };
    }
  }

  static int run(long[] program, Call call) {
    int accumulator = 0;
    int at = 0;
    while (true) {
      long instruction = program[at];
      int code = (int) (instruction >>> 48);
      int jumpTrue = (int) (instruction >>> 40) & 0xff;
      int jumpFalse = (int) (instruction >>> 32) & 0xff;
      int k = (int) instruction;
      at++;
      switch (code) {
        case BpfAssembler.LD_ABS -> accumulator = call.word(k);
        case BpfAssembler.ALU_AND -> accumulator &= k;
        case BpfAssembler.JA -> at += k;
        case BpfAssembler.JEQ -> at += accumulator == k ? jumpTrue : jumpFalse;
        case BpfAssembler.JGT ->
            at += Integer.compareUnsigned(accumulator, k) > 0 ? jumpTrue : jumpFalse;
        case BpfAssembler.JGE ->
            at += Integer.compareUnsigned(accumulator, k) >= 0 ? jumpTrue : jumpFalse;
        case BpfAssembler.RET -> {
          return k;
        }
        default -> throw new AssertionError("instruction " + code);
      }
    }
  }

  /** What bpf_check_classic and seccomp_check_filter refuse. */
  static void verify(long[] program) {
    if (program.length == 0 || program.length > 4096) {
      throw new AssertionError(program.length + " instructions");
    }
    for (int at = 0; at < program.length; at++) {
      int code = (int) (program[at] >>> 48);
      int furthest =
          switch (code) {
            case BpfAssembler.JA -> (int) program[at];
            case BpfAssembler.JEQ, BpfAssembler.JGT, BpfAssembler.JGE ->
                (int) Math.max(program[at] >>> 40 & 0xff, program[at] >>> 32 & 0xff);
            default -> 0;
          };
      if (furthest < 0 || at + 1 + furthest >= program.length && code != BpfAssembler.RET) {
        throw new AssertionError("a jump at " + at + " leads out of the program");
      }
    }
    if ((int) (program[program.length - 1] >>> 48) != BpfAssembler.RET) {
      throw new AssertionError("the program does not end with a return");
    }
  }
}
