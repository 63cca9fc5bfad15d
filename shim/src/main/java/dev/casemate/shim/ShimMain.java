package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.PlainText;
import dev.casemate.base.Release;
import dev.casemate.linux.Descriptors;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The role {@code containerd-shim-casemate-v2}: picks the action. */
public final class ShimMain {
  /** The name that containerd derives from the runtime type {@code io.containerd.casemate.v2}. */
  public static final String ROLE = "containerd-shim-casemate-v2";

  private static final int FIRST_INHERITED = 3;

  private ShimMain() {}

  /** Runs the role; returns the process's exit status. */
  public static int main(List<String> words) {
    // What containerd has open must not come as far as a VMM.
    Descriptors.closeOnExecFrom(FIRST_INHERITED);
    try {
      ShimFlags flags = ShimFlags.parse(words);
      if (flags.version()) {
        print((ROLE + " version " + Release.VERSION + "\n").getBytes(StandardCharsets.UTF_8));
        return 0;
      }
      if (flags.info()) {
        print(InfoCommand.run());
        return 0;
      }
      switch (flags.action()) {
        case "start" -> print(StartCommand.run(flags.requireIdentity()));
        case "delete" -> print(DeleteCommand.run(flags.requireIdentity()));
        case "" -> {
          return ShimServer.run(flags.requireIdentity());
        }
        default -> {
          return fail("action \"" + flags.action() + "\" is unknown; expected start or delete");
        }
      }
      return 0;
    } catch (CasemateException | LinuxException e) {
      return fail(e.getMessage() == null ? e.toString() : e.getMessage());
    }
  }

  private static void print(byte[] bytes) {
    Fd.STDOUT.writeAll(bytes);
  }

  /** containerd shows what a shim says when it fails. */
  private static int fail(String message) {
    System.err.println(PlainText.message(ROLE + ": " + message));
    return 1;
  }
}
