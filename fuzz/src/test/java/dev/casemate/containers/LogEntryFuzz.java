package dev.casemate.containers;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import java.util.Optional;

/** A record of a container's log, whose bytes a guest has written. */
@Fuzzes(LogEntry.class)
public final class LogEntryFuzz {
  private LogEntryFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Optional<LogEntry> parsed = LogEntry.parse(data);
    if (parsed.isEmpty()) {
      return;
    }
    LogEntry entry = parsed.get();
    int length = entry.bytes().length;
    Expect.that(length <= data.length - 4, "bytes ", length);
    Expect.that(entry.time().indexOf(' ') < 0, "time ", entry.time());
    Expect.that(!(entry.isError() && data.length < 5), "error without a stream");
    entry.endsLine();
    entry.text();
  }
}
