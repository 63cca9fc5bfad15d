package dev.casemate.agent;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.SystemCall;
import dev.casemate.protocol.agent.ReseedRandomDevRequest;

/** {@code ReseedRandomDev}: gives the kernel fresh randomness by random(4). */
final class ReseedRandomDev {
  private static final long ADD_ENTROPY = 0x40085203L;
  private static final long RESEED = 0x5207;
  private static final int LIMIT = 64 * 1024;

  private ReseedRandomDev() {}

  static void handle(ReseedRandomDevRequest request) {
    reseed(request.data());
  }

  /**
   * Gives the kernel randomness, and has it draw from it at once.
   *
   * @throws dev.casemate.base.CasemateException INVALID_ARGUMENT for no bytes, or too many
   */
  static void reseed(byte[] data) {
    if (data.length == 0 || data.length > LIMIT) {
      throw Failures.invalid("expected 1 to " + LIMIT + " random bytes, got " + data.length);
    }
    try (Fd random = Fs.open("/dev/random", OpenFlag.READ_WRITE);
        NativeBuffer pool = NativeBuffer.allocate(8 + data.length)) {
      pool.putInt(0, 8 * data.length).putInt(4, data.length).put(8, data, 0, data.length);
      SystemCall.check(
          SystemCall.raw(SystemCall.IOCTL, random.number(), ADD_ENTROPY, pool.address()),
          "ioctl(RNDADDENTROPY)",
          "/dev/random");
      SystemCall.check(
          SystemCall.raw(SystemCall.IOCTL, random.number(), RESEED, 0),
          "ioctl(RNDRESEEDCRNG)",
          "/dev/random");
    }
  }
}
