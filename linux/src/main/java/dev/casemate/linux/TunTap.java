package dev.casemate.linux;

import java.nio.charset.StandardCharsets;

/** TAP interfaces ({@code Documentation/networking/tuntap.rst}). */
public final class TunTap {
  private static final int TUNSETIFF = 0x400454ca;
  private static final int TUNSETPERSIST = 0x400454cb;
  private static final int TUNSETOWNER = 0x400454cc;
  private static final int IFF_TAP = 2;
  private static final int IFF_NO_PI = 0x1000;
  private static final int IFF_VNET_HDR = 0x4000;
  private static final int IFREQ = 40;
  private static final int NAME_LIMIT = 15;

  private TunTap() {}

  private static void ioctl(Fd fd, int request, long argument, String what) {
    SystemCall.check(SystemCall.raw(SystemCall.IOCTL, fd.number(), request, argument), what, "");
  }

  /**
   * Opens a TAP interface with one queue in the calling thread's network namespace, creating it if
   * it does not exist. Frames are preceded by a {@code virtio_net_hdr} of 10 bytes if {@code
   * vnetHeader}. The interface goes with the descriptor unless it is made persistent.
   */
  public static Fd open(String name, boolean vnetHeader) {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    if (bytes.length > NAME_LIMIT) {
      throw new LinuxException("ioctl(TUNSETIFF)", name, Errno.ENAMETOOLONG);
    }
    Fd tap = Fs.open("/dev/net/tun", OpenFlag.READ_WRITE);
    try (NativeBuffer request = NativeBuffer.allocate(IFREQ)) {
      request
          .put(0, bytes, 0, bytes.length)
          .putShort(16, IFF_TAP | IFF_NO_PI | (vnetHeader ? IFF_VNET_HDR : 0));
      ioctl(tap, TUNSETIFF, request.address(), "ioctl(TUNSETIFF) " + name);
      return tap;
    } catch (LinuxException e) {
      tap.close();
      throw e;
    }
  }

  /** Whether the interface outlives its descriptors. */
  public static void persistent(Fd tap, boolean on) {
    ioctl(tap, TUNSETPERSIST, on ? 1 : 0, "ioctl(TUNSETPERSIST)");
  }

  /** Lets processes of a user open the interface without CAP_NET_ADMIN. */
  public static void owner(Fd tap, int uid) {
    ioctl(tap, TUNSETOWNER, uid, "ioctl(TUNSETOWNER)");
  }
}
