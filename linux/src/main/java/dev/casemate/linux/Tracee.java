package dev.casemate.linux;

import java.util.concurrent.locks.LockSupport;

/**
 * Another process that is held for a moment and makes system calls for this one (ptrace(2)). The
 * kernel ties it to the thread: all calls are of the thread that made it, whose end lets the
 * process go in any case.
 *
 * <p>Only a process that waits in a system call is held, as an idle one does. The call is
 * interrupted and begins again afterwards.
 */
final class Tracee implements AutoCloseable {
  private static final int CONT = 7;
  private static final int SINGLE_STEP = 9;
  private static final int GET_REGISTERS = 12;
  private static final int SET_REGISTERS = 13;
  private static final int PEEK_TEXT = 1;
  private static final int DETACH = 17;
  private static final int SEIZE = 0x4206;
  private static final int INTERRUPT = 0x4207;

  /** Of a stop that was asked for, beside the signal. */
  private static final int EVENT_STOP = 128;

  private static final int BY_PID = 1;
  private static final int STOPPED = 2;
  private static final int NO_HANG = 1;
  private static final int ALL_THREADS = 0x40000000;
  private static final int INFO_BYTES = 128;
  private static final int INFO_PID = 16;
  private static final int INFO_STATUS = 24;

  // struct user_regs_struct of x86-64.
  private static final int REGISTERS_BYTES = 27 * 8;
  private static final int RAX = 10 * 8;
  private static final int RDX = 12 * 8;
  private static final int RSI = 13 * 8;
  private static final int RDI = 14 * 8;
  private static final int ORIG_RAX = 15 * 8;
  private static final int RIP = 16 * 8;

  /** The instruction {@code syscall}, as a little-endian number. */
  private static final int SYSCALL = 0x050f;

  private static final int SYSCALL_BYTES = 2;

  // What the kernel's calls return inside it when a signal interrupts them (linux/errno.h).
  private static final int RESTART_FIRST = -514;
  private static final int RESTART_LAST = -512;
  private static final int RESTART_BLOCK = -516;
  private static final int RESTART_CALL = 219;

  private static final int STOP_MILLIS = 500;

  /** A signal may come before each. */
  private static final int MOST_STEPS = 64;

  /**
   * A call that has begun must end: a process that is let go within its step has registers that are
   * not its own, and dies of the step's signal. On a busy machine that takes long.
   */
  private static final int CALL_MILLIS = 60_000;

  private static final long SPIN_NANOS = 2_000_000;
  private static final long PAUSE_NANOS = 200_000;

  private final int pid;
  private final NativeBuffer registers = NativeBuffer.allocate(REGISTERS_BYTES);
  private final long[] before = new long[REGISTERS_BYTES / 8];
  private boolean held;

  /** A signal that came meanwhile; it is delivered when the process goes on. */
  private int signal;

  /**
   * Holds a process's first thread.
   *
   * @throws LinuxException EPERM if this process may not; EAGAIN if it does not wait in a system
   *     call, or does not stop
   */
  Tracee(int pid) {
    this.pid = pid;
    boolean done = false;
    try {
      request(SEIZE, 0, 0);
      held = true;
      request(INTERRUPT, 0, 0);
      stop();
      save();
      done = true;
    } finally {
      if (!done) {
        close();
      }
    }
  }

  private void request(int what, long address, long data) {
    SystemCall.check(
        SystemCall.raw(SystemCall.PTRACE, what, pid, address, data), "ptrace", "pid " + pid);
  }

  private LinuxException busy() {
    return new LinuxException("ptrace", "pid " + pid, Errno.EAGAIN);
  }

  /** Waits for the stop that was asked for. A signal that comes first is delivered. */
  private void stop() {
    while (true) {
      int status = await(STOP_MILLIS);
      if (status >> 8 == EVENT_STOP) {
        return;
      }
      request(CONT, 0, status & 0x7f);
    }
  }

  /** The next stop: its signal, and above it the event. The end of the process is not one. */
  private int await(int millis) {
    long begin = System.nanoTime();
    long waited = 0;
    try (NativeBuffer info = NativeBuffer.allocate(INFO_BYTES)) {
      for (; waited < millis * 1_000_000L; waited = System.nanoTime() - begin) {
        SystemCall.check(
            SystemCall.raw(
                SystemCall.WAITID, BY_PID, pid, info.address(), STOPPED | NO_HANG | ALL_THREADS),
            "waitid",
            "pid " + pid);
        if (info.getInt(INFO_PID) == pid) {
          return info.getInt(INFO_STATUS);
        }
        if (waited < SPIN_NANOS) {
          Thread.onSpinWait();
        } else {
          LockSupport.parkNanos(PAUSE_NANOS);
        }
      }
    }
    throw busy();
  }

  /** Keeps the registers, as they have to be for the interrupted call to begin again. */
  private void save() {
    request(GET_REGISTERS, 0, registers.address());
    for (int i = 0; i < before.length; i++) {
      before[i] = registers.getLong(8 * i);
    }
    long at = before[RIP / 8] - SYSCALL_BYTES;
    if (before[ORIG_RAX / 8] < 0 || !isSystemCall(at)) {
      throw busy();
    }
    long result = before[RAX / 8];
    if (result >= RESTART_FIRST && result <= RESTART_LAST) {
      before[RAX / 8] = before[ORIG_RAX / 8];
      before[RIP / 8] = at;
    } else if (result == RESTART_BLOCK) {
      before[RAX / 8] = RESTART_CALL;
      before[RIP / 8] = at;
    }
    // The kernel is to change nothing of it any more.
    before[ORIG_RAX / 8] = -1;
  }

  private boolean isSystemCall(long address) {
    try (NativeBuffer word = NativeBuffer.allocate(8)) {
      request(PEEK_TEXT, address, word.address());
      return (word.getInt(0) & 0xffff) == SYSCALL;
    }
  }

  private void put(long[] values) {
    for (int i = 0; i < values.length; i++) {
      registers.putLong(8 * i, values[i]);
    }
  }

  /** Has the process make a call; returns its result, or the negated errno. */
  long call(int number, long a, long b, long c) {
    long at = registers.getLong(RIP) - SYSCALL_BYTES;
    registers
        .putLong(RAX, number)
        .putLong(ORIG_RAX, -1)
        .putLong(RDI, a)
        .putLong(RSI, b)
        .putLong(RDX, c)
        .putLong(RIP, at);
    request(SET_REGISTERS, 0, registers.address());
    int steps = 0;
    do {
      if (steps++ == MOST_STEPS) {
        // Another instruction is there by now.
        throw busy();
      }
      request(SINGLE_STEP, 0, 0);
      int status = await(CALL_MILLIS);
      if (status != Signals.TRAP) {
        signal = status & 0x7f;
      }
      request(GET_REGISTERS, 0, registers.address());
    } while (registers.getLong(RIP) == at);
    return registers.getLong(RAX);
  }

  /** Lets the process go on where it was. */
  @Override
  public void close() {
    if (held) {
      held = false;
      try {
        if (before[RIP / 8] != 0) {
          put(before);
          request(SET_REGISTERS, 0, registers.address());
        }
        request(DETACH, 0, signal);
      } catch (LinuxException e) {
        // It has ended, or has not stopped: the end of this thread lets it go.
      }
    }
    registers.close();
  }
}
