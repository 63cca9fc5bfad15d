package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.SystemCall;
import java.util.List;

/**
 * The session keyring of a container's process (keyctl(2), session-keyring(7)): a new one, so that
 * the keys of whoever has started the engine are not the container's.
 */
final class Keyring {
  private static final int JOIN_SESSION_KEYRING = 1;

  private Keyring() {}

  /** Leaves the present session keyring for a new, anonymous one. */
  static void join(List<String> warnings) {
    long r = SystemCall.raw(SystemCall.KEYCTL, JOIN_SESSION_KEYRING, 0);
    // A kernel without keys has none to be protected.
    if (SystemCall.failed(r) && r != -Errno.ENOSYS) {
      warnings.add(
          "no new session keyring could be made ("
              + Failures.text((int) -r)
              + "): the process has the engine's");
    }
  }
}
