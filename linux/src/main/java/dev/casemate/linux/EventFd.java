package dev.casemate.linux;

/** {@code eventfd2(2)} and {@code memfd_create(2)}: descriptors without a file on disk. */
public final class EventFd {
  private EventFd() {}

  /** A counter that makes its descriptor readable when it is not zero. */
  public static Fd open() {
    return Fd.of(
        (int)
            SystemCall.check(
                SystemCall.raw(SystemCall.EVENTFD2, 0, OpenFlag.CLOSE_ON_EXEC | OpenFlag.NON_BLOCK),
                "eventfd2",
                ""));
  }

  public static void signal(Fd eventFd) {
    eventFd.write(new byte[] {1, 0, 0, 0, 0, 0, 0, 0}, 0, 8);
  }

  /** Resets the counter. */
  public static void drain(Fd eventFd) {
    eventFd.read(new byte[8], 0, 8);
  }

  /** An anonymous file in memory. */
  public static Fd memory(String name) {
    try (NativeBuffer n = NativeBuffer.ofString(name)) {
      return Fd.of(
          (int)
              SystemCall.check(
                  SystemCall.raw(SystemCall.MEMFD_CREATE, n.address(), 1), "memfd_create", name));
    }
  }
}
