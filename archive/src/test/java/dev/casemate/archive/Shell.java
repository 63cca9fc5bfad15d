package dev.casemate.archive;

import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** Runs a shell command to its end; a failure is a failure of the test. */
final class Shell {
  private Shell() {}

  static String run(String script) {
    try {
      Process process =
          new ProcessBuilder("/bin/sh", "-euc", script).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int status = process.waitFor();
      if (status != 0) {
        throw new AssertionError("status " + status + " of: " + script + "\n" + output);
      }
      return output;
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** One line a file: type and mode, owner, size, time, link, device, content and attributes. */
  static String describe(String directory) {
    return run(
        "cd "
            + directory
            + " && find . -mindepth 1 -printf '%p %M %U:%G %s %T@ %l %n\\n' | sort"
            + " && find . -type f -print0 | sort -z | xargs -0 -r sha256sum"
            + " && find . \\( -type c -o -type b \\) -exec stat -c '%n %t:%T' '{}' + | sort"
            + " && getfattr -hRd -m - . 2>/dev/null | sort -s -k1,1");
  }
}
