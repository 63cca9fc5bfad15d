package dev.casemate.agent;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.SystemCall;

/**
 * Reads and writes by way of one buffer that stays. {@link Fd}'s own calls take memory for each,
 * and libc gives large pieces back to the kernel at once: under an emulated MMU their page faults
 * cost more than the transfer.
 */
final class Transfer {
  /** Bytes that one call moves at most; some devices lose larger writes. */
  static final int LIMIT = 32 * 1024;

  private final NativeBuffer buffer = NativeBuffer.allocate(LIMIT);

  /** As {@link Fd#read}, at most {@link #LIMIT} bytes. */
  int read(Fd fd, byte[] bytes, int offset, int length) {
    int want = Math.min(length, LIMIT);
    while (true) {
      long n = SystemCall.raw(SystemCall.READ, fd.number(), buffer.address(), want);
      if (n == -Errno.EINTR) {
        continue;
      }
      if (n == -Errno.EAGAIN) {
        return Fd.WOULD_BLOCK;
      }
      SystemCall.check(n, "read", fd.toString());
      if (n == 0 && want > 0) {
        return Fd.END;
      }
      buffer.get(0, bytes, offset, (int) n);
      return (int) n;
    }
  }

  /** As {@link Fd#write}, at most {@link #LIMIT} bytes. */
  int write(Fd fd, byte[] bytes, int offset, int length) {
    int want = Math.min(length, LIMIT);
    buffer.put(0, bytes, offset, want);
    while (true) {
      long n = SystemCall.raw(SystemCall.WRITE, fd.number(), buffer.address(), want);
      if (n == -Errno.EINTR) {
        continue;
      }
      if (n == -Errno.EAGAIN) {
        return Fd.WOULD_BLOCK;
      }
      return (int) SystemCall.check(n, "write", fd.toString());
    }
  }
}
