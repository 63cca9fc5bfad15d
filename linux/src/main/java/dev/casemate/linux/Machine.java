package dev.casemate.linux;

/** The machine as a whole: modules, power, clock, random bytes. */
public final class Machine {
  private static final int REBOOT_MAGIC_1 = 0xfee1dead;
  private static final int REBOOT_MAGIC_2 = 672274793;
  private static final int REBOOT_RESTART = 0x1234567;
  private static final int REBOOT_POWER_OFF = 0x4321fedc;

  private Machine() {}

  /** Loads a kernel module from an open file; one that is loaded already is fine. */
  public static void loadModule(Fd module, String parameters) {
    try (NativeBuffer p = NativeBuffer.ofString(parameters)) {
      long r = SystemCall.raw(SystemCall.FINIT_MODULE, module.number(), p.address(), 0);
      if (r != -Errno.EEXIST) {
        SystemCall.check(r, "finit_module", module.toString());
      }
    }
  }

  /** Restarts at once: under {@code -no-reboot} this ends the VMM without waiting for ACPI. */
  public static void restart() {
    reboot(REBOOT_RESTART);
  }

  public static void powerOff() {
    reboot(REBOOT_POWER_OFF);
  }

  private static void reboot(int command) {
    SystemCall.raw(SystemCall.SYNC);
    SystemCall.check(
        SystemCall.raw(
            SystemCall.REBOOT,
            REBOOT_MAGIC_1 & 0xffffffffL,
            REBOOT_MAGIC_2,
            command & 0xffffffffL,
            0),
        "reboot",
        "");
  }

  /** Sets the wall clock. */
  public static void setTime(long seconds, long nanos) {
    try (NativeBuffer time = NativeBuffer.allocate(16)) {
      time.putLong(0, seconds).putLong(8, nanos);
      SystemCall.check(
          SystemCall.raw(SystemCall.CLOCK_SETTIME, 0, time.address()), "clock_settime", "");
    }
  }

  /** Microseconds since boot (CLOCK_MONOTONIC), comparable between the processes of one machine. */
  public static long monotonicMicros() {
    try (NativeBuffer time = NativeBuffer.allocate(16)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.CLOCK_GETTIME, 1, time.address()), "clock_gettime", "");
      return time.getLong(0) * 1_000_000 + time.getLong(8) / 1000;
    }
  }

  /** Random bytes from the kernel. */
  public static byte[] random(int count) {
    try (NativeBuffer bytes = NativeBuffer.allocate(count)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.GETRANDOM, bytes.address(), count, 0), "getrandom", "");
      return bytes.bytes(0, count);
    }
  }

  /** Random bytes as lower-case hexadecimal digits. */
  public static String randomHex(int bytes) {
    StringBuilder hex = new StringBuilder();
    for (byte b : random(bytes)) {
      hex.append(Character.forDigit((b >> 4) & 15, 16)).append(Character.forDigit(b & 15, 16));
    }
    return hex.toString();
  }
}
