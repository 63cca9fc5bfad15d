package dev.casemate.linux;

/** Whether local TCP and UDP ports are free, by binding them for a moment. */
public final class InetPort {
  public static final int TCP = 6;
  public static final int UDP = 17;

  private InetPort() {}

  /**
   * Binds a port and releases it.
   *
   * @param protocol {@link #TCP} or {@link #UDP}
   * @param address local address; 0.0.0.0 for all
   * @param port 0 lets the kernel choose
   * @return the port
   * @throws LinuxException EADDRINUSE if the port is in use, EADDRNOTAVAIL if the address is not
   *     this machine's
   */
  public static int probe(int protocol, IpAddress address, int port) {
    try (Fd socket =
        protocol == TCP
            ? InetSocket.listen(address, port, 1)
            : InetSocket.bindDatagram(address, port)) {
      return InetSocket.local(socket).port();
    }
  }
}
