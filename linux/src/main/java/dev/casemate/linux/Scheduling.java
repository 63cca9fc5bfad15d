package dev.casemate.linux;

/** CPU and I/O scheduling and memory policy of the calling process. */
public final class Scheduling {
  private static final int IOPRIO_WHO_PROCESS = 1;
  private static final int AFFINITY_BYTES = 1024;
  private static final int NODE_BYTES = 128;

  private Scheduling() {}

  /** {@code sched_setattr(2)}; times in nanoseconds. */
  public record Attributes(
      int policy,
      long flags,
      int nice,
      int priority,
      long runtimeNanos,
      long deadlineNanos,
      long periodNanos) {}

  public static void set(Attributes a) {
    try (NativeBuffer attributes = NativeBuffer.allocate(48)) {
      attributes
          .putInt(0, 48)
          .putInt(4, a.policy())
          .putLong(8, a.flags())
          .putInt(16, a.nice())
          .putInt(20, a.priority())
          .putLong(24, a.runtimeNanos())
          .putLong(32, a.deadlineNanos())
          .putLong(40, a.periodNanos());
      SystemCall.check(
          SystemCall.raw(SystemCall.SCHED_SETATTR, 0, attributes.address(), 0),
          "sched_setattr",
          "policy " + a.policy());
    }
  }

  /** {@code ioprio_set(2)}: class 1 real-time, 2 best effort, 3 idle; priority 0 to 7. */
  public static void ioPriority(int ioClass, int priority) {
    SystemCall.check(
        SystemCall.raw(
            SystemCall.IOPRIO_SET, IOPRIO_WHO_PROCESS, 0, ((long) ioClass << 13) | priority),
        "ioprio_set",
        "class " + ioClass);
  }

  /** {@code personality(2)}. */
  public static void personality(long persona) {
    SystemCall.check(
        SystemCall.raw(SystemCall.PERSONALITY, persona),
        "personality",
        "0x" + Long.toHexString(persona));
  }

  /**
   * {@code set_mempolicy(2)}: where the calling process's memory comes from.
   *
   * @param mode {@code MPOL_…} and {@code MPOL_F_…} of linux/mempolicy.h
   * @param nodes below 1024
   */
  public static void memoryPolicy(int mode, int[] nodes) {
    try (NativeBuffer mask = NativeBuffer.allocate(NODE_BYTES)) {
      for (int node : nodes) {
        mask.putByte(node / 8, mask.getByte(node / 8) | (1 << (node % 8)));
      }
      // The kernel takes one bit less than it is told of.
      SystemCall.check(
          SystemCall.raw(
              SystemCall.SET_MEMPOLICY,
              mode,
              nodes.length == 0 ? 0 : mask.address(),
              nodes.length == 0 ? 0 : 8 * NODE_BYTES + 1),
          "set_mempolicy",
          "mode 0x" + Integer.toHexString(mode));
    }
  }

  /** Lets the calling process run on every CPU that its control group has. */
  public static void everyCpu() {
    try (NativeBuffer mask = NativeBuffer.allocate(AFFINITY_BYTES)) {
      for (int i = 0; i < AFFINITY_BYTES; i += 8) {
        mask.putLong(i, -1);
      }
      SystemCall.check(
          SystemCall.raw(SystemCall.SCHED_SETAFFINITY, 0, mask.size(), mask.address()),
          "sched_setaffinity",
          "every cpu");
    }
  }

  /** Sets the CPUs that a process (0: the caller) may run on. */
  public static void affinity(int pid, int[] cpus) {
    try (NativeBuffer mask = NativeBuffer.allocate(AFFINITY_BYTES)) {
      for (int cpu : cpus) {
        if (cpu < 0 || cpu >= 8 * AFFINITY_BYTES) {
          throw new LinuxException("sched_setaffinity", "cpu " + cpu, Errno.EINVAL);
        }
        mask.putByte(cpu / 8, mask.getByte(cpu / 8) | (1 << (cpu % 8)));
      }
      SystemCall.check(
          SystemCall.raw(SystemCall.SCHED_SETAFFINITY, pid, mask.size(), mask.address()),
          "sched_setaffinity",
          "pid " + pid);
    }
  }
}
