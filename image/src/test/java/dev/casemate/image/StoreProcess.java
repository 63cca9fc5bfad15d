package dev.casemate.image;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Another process at work on a store. */
final class StoreProcess {
  private StoreProcess() {}

  public static void main(String[] arguments) {
    Image image =
        ImageStore.open(arguments[0], RegistryOptions.defaults(), System.err::println)
            .resolve(arguments[1], PullPolicy.MISSING, PullProgress.NONE);
    System.out.println(image.erofs());
  }

  static Process start(String root, String image) throws IOException {
    return start(root, image, "512m");
  }

  /** A process with that much heap, and umask 0: what others may read must not depend on it. */
  static Process start(String root, String image, String heap) throws IOException {
    return start(root, image, heap, "umask 0");
  }

  private static Process start(String root, String image, String heap, String before)
      throws IOException {
    return new ProcessBuilder(
            List.of(
                "/bin/sh",
                "-c",
                before + "; exec \"$@\"",
                "sh",
                System.getProperty("java.home") + "/bin/java",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xmx" + heap,
                "-cp",
                System.getProperty("java.class.path"),
                StoreProcess.class.getName(),
                root,
                image))
        .redirectErrorStream(true)
        .start();
  }

  /** A process that may open so many files. */
  static Process startWithFiles(String root, String image, int files) throws IOException {
    return start(root, image, "512m", "ulimit -n " + files);
  }

  static String output(Process process) throws IOException, InterruptedException {
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new AssertionError(output);
    }
    return output;
  }
}
