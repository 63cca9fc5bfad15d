package dev.casemate.agent;

import dev.casemate.linux.Machine;
import dev.casemate.protocol.agent.SetGuestDateTimeRequest;

/** {@code SetGuestDateTime}: the wall clock. */
final class SetGuestDateTime {
  private SetGuestDateTime() {}

  static void handle(SetGuestDateTimeRequest request) {
    if (request.sec() < 0 || request.usec() < 0 || request.usec() >= 1_000_000) {
      throw Failures.invalid(
          request.sec() + " s and " + request.usec() + " µs are not a time after 1970");
    }
    Machine.setTime(request.sec(), request.usec() * 1000);
  }
}
