package dev.casemate.agent;

import dev.casemate.linux.Fd;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.SystemCall;
import java.nio.charset.StandardCharsets;

/** Brings the loopback interface up by netdevice(7): a netlink exchange for it would cost more. */
final class Loopback {
  private static final int AF_INET = 2;
  private static final int SOCK_DGRAM = 2;
  private static final int SIOCSIFFLAGS = 0x8914;
  private static final int IFF_UP = 1;
  private static final int IFF_RUNNING = 0x40;
  private static final int FLAGS_OFFSET = 16;
  private static final int IFREQ_SIZE = 40;

  private Loopback() {}

  static void up() {
    try (Fd socket =
            Fd.of(
                (int)
                    SystemCall.check(
                        SystemCall.raw(
                            SystemCall.SOCKET, AF_INET, SOCK_DGRAM | OpenFlag.CLOSE_ON_EXEC, 0),
                        "socket",
                        "inet"));
        NativeBuffer request = NativeBuffer.allocate(IFREQ_SIZE)) {
      byte[] name = "lo".getBytes(StandardCharsets.US_ASCII);
      request.put(0, name, 0, name.length).putShort(FLAGS_OFFSET, IFF_UP | IFF_RUNNING);
      SystemCall.check(
          SystemCall.raw(SystemCall.IOCTL, socket.number(), SIOCSIFFLAGS, request.address()),
          "ioctl(SIOCSIFFLAGS)",
          "lo");
    }
  }
}
