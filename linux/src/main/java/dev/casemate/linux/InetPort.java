package dev.casemate.linux;

/** Whether local TCP and UDP ports are free, by binding them for a moment. */
public final class InetPort {
  public static final int TCP = 6;
  public static final int UDP = 17;
  private static final int SOCK_STREAM = 1;
  private static final int SOCK_DGRAM = 2;
  private static final int SOL_SOCKET = 1;
  private static final int SO_REUSEADDR = 2;

  private InetPort() {}

  /**
   * Binds a port and lets it go.
   *
   * @param protocol {@link #TCP} or {@link #UDP}
   * @param address local address; 0.0.0.0 for all
   * @param port 0 lets the kernel choose
   * @return the port
   * @throws LinuxException EADDRINUSE if somebody has it, EADDRNOTAVAIL if the address is not this
   *     machine's
   */
  public static int probe(int protocol, IpAddress address, int port) {
    boolean tcp = protocol == TCP;
    String subject = address + ":" + port + (tcp ? "/tcp" : "/udp");
    int size = address.isV6() ? 28 : 16;
    try (Fd socket =
            Fd.of(
                (int)
                    SystemCall.check(
                        SystemCall.raw(
                            SystemCall.SOCKET,
                            address.family(),
                            (tcp ? SOCK_STREAM : SOCK_DGRAM) | OpenFlag.CLOSE_ON_EXEC,
                            0),
                        "socket",
                        subject));
        NativeBuffer name = NativeBuffer.allocate(28);
        NativeBuffer number = NativeBuffer.allocate(4)) {
      if (tcp) {
        // Connections in TIME_WAIT do not matter; a listener still does, see listen below.
        number.putInt(0, 1);
        SystemCall.check(
            SystemCall.raw(
                SystemCall.SETSOCKOPT,
                socket.number(),
                SOL_SOCKET,
                SO_REUSEADDR,
                number.address(),
                4),
            "setsockopt(SO_REUSEADDR)",
            subject);
      }
      byte[] bytes = address.bytes();
      name.putShort(0, address.family()).putByte(2, port >> 8).putByte(3, port);
      name.put(address.isV6() ? 8 : 4, bytes, 0, bytes.length);
      SystemCall.check(
          SystemCall.raw(SystemCall.BIND, socket.number(), name.address(), size), "bind", subject);
      if (tcp) {
        SystemCall.check(SystemCall.raw(SystemCall.LISTEN, socket.number(), 1), "listen", subject);
      }
      number.putInt(0, size);
      SystemCall.check(
          SystemCall.raw(SystemCall.GETSOCKNAME, socket.number(), name.address(), number.address()),
          "getsockname",
          subject);
      return (name.getByte(2) & 0xff) << 8 | (name.getByte(3) & 0xff);
    }
  }
}
