package dev.casemate.linux;

/** The loopback interface of the calling process's network namespace. */
public final class Loopback {
  private static final int AF_INET = 2;
  private static final int SOCK_DGRAM = 2;
  private static final int SIOCGIFFLAGS = 0x8913;
  private static final int SIOCSIFFLAGS = 0x8914;
  private static final int IFF_UP = 1;

  private Loopback() {}

  /** Brings {@code lo} up; the kernel then gives it its addresses. */
  public static void up() {
    try (Fd socket =
            Fd.of(
                (int)
                    SystemCall.check(
                        SystemCall.raw(
                            SystemCall.SOCKET, AF_INET, SOCK_DGRAM | OpenFlag.CLOSE_ON_EXEC, 0),
                        "socket",
                        "inet"));
        NativeBuffer request = NativeBuffer.allocate(40)) {
      request.putByte(0, 'l').putByte(1, 'o');
      SystemCall.check(
          SystemCall.raw(SystemCall.IOCTL, socket.number(), SIOCGIFFLAGS, request.address()),
          "ioctl(SIOCGIFFLAGS)",
          "lo");
      request.putShort(16, request.getShort(16) | IFF_UP);
      SystemCall.check(
          SystemCall.raw(SystemCall.IOCTL, socket.number(), SIOCSIFFLAGS, request.address()),
          "ioctl(SIOCSIFFLAGS)",
          "lo");
    }
  }
}
