package dev.casemate.e2e;

import dev.casemate.e2e.engine.TestDirectory;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The product under test, with directories of this suite's own: the machine's containers are left
 * alone.
 */
final class Casemate {
  /** Generous, because the machine may be busy; a start takes two seconds. */
  static final int TIMEOUT_SECONDS = 180;

  private static final Path BASE = TestDirectory.of("e2e");
  private static final long PID = ProcessHandle.current().pid();

  /** Short, because of the sockets below it: at most 16 bytes. */
  static final Path RUN = Path.of("/run/cme-" + PID);

  static final Path STATE = BASE.resolve(Long.toString(PID)).resolve("state");

  /** What tests need of files goes below this directory. */
  static final Path FILES = BASE.resolve(Long.toString(PID)).resolve("files");

  /** Exists once a command has said that VMs are emulated: no test but one wants to hear it. */
  static final Path EMULATION_NOTICED = RUN.resolve("emulation-noticed");

  static final Path GUEST = Path.of("/var/lib/casemate/guest");

  /** The image that nearly all tests use. */
  static final String IMAGE = "oci:" + FILES.resolve("busybox");

  static final String EXECUTABLE = executable();

  static {
    removeDead();
    try {
      Files.createDirectories(STATE);
      Files.createDirectories(FILES);
      Files.createDirectories(RUN);
      Files.createFile(EMULATION_NOTICED);
      Files.createSymbolicLink(STATE.resolve("guest"), GUEST);
      Files.createSymbolicLink(STATE.resolve("templates"), GUEST.resolveSibling("templates"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Runtime.getRuntime().addShutdownHook(new Thread(Casemate::removeOurs));
    run("demo-image", FILES.resolve("busybox").toString()).expect(0);
  }

  private Casemate() {}

  private static String executable() {
    String given = System.getProperty("casemate", System.getenv("CASEMATE"));
    Path path = Path.of(given == null || given.isEmpty() ? "../build/casemate" : given);
    if (!Files.isExecutable(path)) {
      throw new AssertionError(
          path.toAbsolutePath()
              + " is not there; build it first (make build), or name it with -Dcasemate=FILE");
    }
    try {
      return path.toRealPath().toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What runs that were killed have left. */
  private static void removeDead() {
    for (Path parent : List.of(BASE, Path.of("/run"))) {
      if (!Files.isDirectory(parent)) {
        continue;
      }
      try (Stream<Path> children = Files.list(parent)) {
        for (Path child : children.toList()) {
          String name = child.getFileName().toString();
          String pid =
              name.startsWith("cme-") ? name.substring(4) : parent.equals(BASE) ? name : "";
          // Our own number may have been another run's before; we have made nothing yet.
          boolean dead = pid.equals(Long.toString(PID)) || !Files.exists(Path.of("/proc", pid));
          if (pid.matches("[0-9]+") && dead) {
            // A run that was killed leaves the mounts of its network namespaces.
            Shell.run(
                "grep -o '"
                    + child
                    + "[^ ]*' /proc/mounts | sort -r | xargs -r -n1 umount -l || true; rm -rf"
                    + " --one-file-system "
                    + child);
          }
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Also when this JVM is told to end in the middle of a test. */
  private static void removeOurs() {
    Shell.result(shellWords("ps", "-a", "-q") + " | xargs -r " + shellWords("rm", "-f"));
    Shell.result("rm -rf --one-file-system " + RUN + " " + STATE.getParent());
  }

  /** A command in the making. */
  static final class Call {
    private final List<String> words = new ArrayList<>();
    private final Map<String, String> environment = new HashMap<>();
    private Optional<byte[]> input = Optional.of(new byte[0]);
    private Optional<OutputStream> sink = Optional.empty();
    private int seconds = TIMEOUT_SECONDS;

    private Call(String... arguments) {
      // However this JVM was started: the command shall not inherit signals that are ignored.
      words.addAll(List.of("env", "--default-signal", EXECUTABLE));
      words.addAll(List.of(arguments));
      environment.put("CASEMATE_RUN", RUN.toString());
      environment.put("CASEMATE_STATE", STATE.toString());
      environment.put("CASEMATE_TEMPLATE", "existing");
      environment.put("HOME", FILES.toString());
    }

    Call environment(String name, String value) {
      environment.put(name, value);
      return this;
    }

    Call input(byte[] bytes) {
      input = Optional.of(bytes);
      return this;
    }

    Call input(String text) {
      return input(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Standard input stays open for {@link Running#type}. */
    Call openInput() {
      input = Optional.empty();
      return this;
    }

    Call sink(OutputStream stream) {
      sink = Optional.of(stream);
      return this;
    }

    Call timeout(int newSeconds) {
      seconds = newSeconds;
      return this;
    }

    ProcessBuilder builder() {
      ProcessBuilder builder = new ProcessBuilder(words);
      for (String name : List.of("http_proxy", "https_proxy", "no_proxy", "all_proxy")) {
        builder.environment().remove(name);
        builder.environment().remove(name.toUpperCase(java.util.Locale.ROOT));
      }
      builder.environment().putAll(environment);
      return builder;
    }

    Running start() {
      try {
        List<String> shown = new ArrayList<>(words.subList(2, words.size()));
        return new Running(shown, builder().start(), input, sink);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    Result run() {
      return start().await(seconds);
    }
  }

  static Call call(String... arguments) {
    return new Call(arguments);
  }

  static Result run(String... arguments) {
    return call(arguments).run();
  }

  /** The command line as a shell takes it, environment included. */
  static String shellWords(String... arguments) {
    StringBuilder text = new StringBuilder();
    text.append("env CASEMATE_RUN=").append(RUN).append(" CASEMATE_STATE=").append(STATE);
    text.append(" CASEMATE_TEMPLATE=existing");
    text.append(' ').append(EXECUTABLE);
    for (String argument : arguments) {
      text.append(" '").append(argument.replace("'", "'\\''")).append('\'');
    }
    return text.toString();
  }
}
