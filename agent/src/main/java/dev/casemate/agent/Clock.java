package dev.casemate.agent;

import dev.casemate.linux.WallClock;
import dev.casemate.protocol.casemate.ClockReading;
import dev.casemate.protocol.casemate.ClockRequest;

/** {@code casemate.v1.Guest/Clock}: the host decides, by what it reads here. */
final class Clock {
  private Clock() {}

  static ClockReading handle(ClockRequest request) {
    if (request.setRate()) {
      WallClock.rate(request.ratePpb());
    }
    if (request.stepMicros() != 0) {
      // What was left of a small correction belongs to the time before.
      WallClock.slew(0);
      WallClock.step(request.stepMicros());
    }
    if (request.slewMicros() != 0) {
      WallClock.slew(request.slewMicros());
    }
    return ClockReading.builder()
        .realMicros(WallClock.realMicros())
        .rawMicros(WallClock.rawMicros())
        .build();
  }
}
