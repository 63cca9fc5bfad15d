package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.guest.Guest;
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

  /** A guest by name; an error that says how to build it if there is none. */
  static Guest find(String name) {
    return store()
        .find(name)
        .orElseThrow(
            () ->
                CasemateException.of(
                    Kind.NOT_FOUND,
                    "guest \""
                        + name
                        + "\" has not been built: no kernel to boot; build it with: casemate guest build"
                        + (name.equals(GuestStore.DEFAULT_NAME) ? "" : " --name " + name)));
  }
}
