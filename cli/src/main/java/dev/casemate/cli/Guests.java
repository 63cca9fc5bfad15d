package dev.casemate.cli;

import dev.casemate.guest.GuestStore;
import dev.casemate.sandbox.SandboxPaths;
import java.nio.file.Path;

/** The guests of this machine as the commands use them. */
final class Guests {
  private Guests() {}

  static GuestStore store() {
    SandboxPaths paths = SandboxPaths.system();
    return new GuestStore(Path.of(paths.guests()), Path.of(paths.cache(), "guest"));
  }
}
