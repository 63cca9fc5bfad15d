package dev.casemate.hypervisor;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Machine;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.SystemCall;
import java.util.Optional;

/**
 * A VM's address on vsock and the host's half of its device ({@code drivers/vhost/vsock.c}). The
 * address is the VM's as long as a process has the device open, which ends with its VMM.
 *
 * @param device open; {@link #close} closes it here, the VMM has its own
 * @param cid of no other VM of this machine
 */
public record VhostVsock(Fd device, long cid) implements AutoCloseable {
  static final String DEVICE = "/dev/vhost-vsock";

  /** CIDs below are left to those who choose them by hand. */
  static final long LEAST_CID = 1 << 16;

  /** Larger ones look negative to some programs. */
  static final long MOST_CID = Integer.MAX_VALUE;

  /** {@code _IOW(VHOST_VIRTIO, 0x60, __u64)} of {@code include/uapi/linux/vhost.h}. */
  private static final long SET_GUEST_CID = 0x4008af60L;

  private static final int ATTEMPTS = 64;

  /** Where CIDs to try come from, and whether the kernel lets a VM have one. */
  interface Cids {
    /** A random one. */
    long next();

    /** The kernel's answer: 0, or an errno. */
    int claim(long cid);
  }

  /**
   * Opens the device with an address of its own. CIDs are random: one that was just a dead VM's is
   * not soon another's.
   *
   * @throws CasemateException FAILED_PRECONDITION if this machine has no vhost-vsock
   */
  public static VhostVsock claim() {
    Fd device;
    try {
      device = Fs.open(DEVICE, OpenFlag.READ_WRITE);
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "agent channel \"vsock\" was requested, but "
              + DEVICE
              + " cannot be opened ("
              + e.getMessage()
              + "): load the host kernel's module with: modprobe vhost_vsock, or use agent channel"
              + " \"serial\"",
          e);
    }
    try {
      return new VhostVsock(device, choose(new OfKernel(device)));
    } catch (RuntimeException e) {
      device.close();
      throw e;
    }
  }

  /** The first CID that the kernel lets a VM have: two that want the same do not both get it. */
  static long choose(Cids cids) {
    for (int i = 0; i < ATTEMPTS; i++) {
      long cid = cids.next();
      int errno = cids.claim(cid);
      if (errno == 0) {
        return cid;
      }
      if (errno != Errno.EADDRINUSE) {
        throw new LinuxException("ioctl(VHOST_VSOCK_SET_GUEST_CID)", "CID " + cid, errno);
      }
    }
    throw CasemateException.of(
        Kind.RESOURCE_EXHAUSTED,
        "no free vsock CID was found in " + ATTEMPTS + " attempts: stop some VMs");
  }

  /** Why VMs below this root directory cannot have vsock; empty if they can. */
  static Optional<String> problem(String root) {
    try {
      Fs.open(root + DEVICE, OpenFlag.READ_WRITE).close();
      return Optional.empty();
    } catch (LinuxException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  private record OfKernel(Fd device) implements Cids {
    @Override
    public long next() {
      long random = 0;
      for (byte b : Machine.random(4)) {
        random = random << 8 | (b & 0xff);
      }
      return LEAST_CID + random % (MOST_CID - LEAST_CID + 1);
    }

    @Override
    public int claim(long cid) {
      try (NativeBuffer argument = NativeBuffer.allocate(8)) {
        argument.putLong(0, cid);
        long r =
            SystemCall.raw(SystemCall.IOCTL, device.number(), SET_GUEST_CID, argument.address());
        return SystemCall.failed(r) ? (int) -r : 0;
      }
    }
  }

  @Override
  public void close() {
    device.close();
  }
}
