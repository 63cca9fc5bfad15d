package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.e2e.engine.TestDirectory;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Mount, pid, network and ipc namespaces with a {@code /run} of their own, in which a test's
 * containers and engines live: they cannot meet those of the machine, and all end with the box.
 * Control groups have no such border: the tests put theirs below {@link #cgroup()}.
 */
final class Box implements AutoCloseable {
  static final int TIMEOUT_SECONDS = 180;

  static final String EXECUTABLE = executable();

  private final String name;
  private final Path files;
  private final Running holder;
  private final int pid;

  private Box(String name, Path files, Running holder, int pid) {
    this.name = name;
    this.files = files;
    this.holder = holder;
    this.pid = pid;
  }

  private static String executable() {
    String given = System.getProperty("casemate.cell", System.getenv("CASEMATE_CELL"));
    Path path = Path.of(given == null || given.isEmpty() ? "../build/casemate-cell" : given);
    if (!Files.isExecutable(path)) {
      throw new AssertionError(
          path.toAbsolutePath()
              + " is not there; build it first (make build), or name it with -Dcasemate.cell=FILE");
    }
    return path.toAbsolutePath().normalize().toString();
  }

  static Box open(String name) {
    try {
      Path files = TestDirectory.of("cell").resolve(name);
      Shell.run("mkdir -p '" + files + "'; rm -rf --one-file-system '" + files + "'");
      Files.createDirectories(files);
      Running holder =
          Shell.start(
              List.of(
                  "unshare",
                  "--mount",
                  "--pid",
                  "--net",
                  "--ipc",
                  "--fork",
                  "--kill-child",
                  "--mount-proc",
                  "--propagation",
                  "private",
                  "bash",
                  "-c",
                  "ip link set lo up && mount -t tmpfs -o mode=755 none /run && mkdir /run/lock ||"
                      + " exit; echo ready; sleep infinity & wait"));
      holder.awaitOutput("ready", TIMEOUT_SECONDS);
      String children =
          Files.readString(
              Path.of("/proc/" + holder.pid() + "/task/" + holder.pid() + "/children"));
      return new Box(name, files, holder, Integer.parseInt(children.strip()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The program under test. */
  static String executablePath() {
    return EXECUTABLE;
  }

  /** A directory on a disk, for files of the test. */
  Path files() {
    return files;
  }

  /** The control group, in each hierarchy, that all of this box's containers are to be below. */
  String cgroup() {
    return "/cme-cell-" + name + "-" + ProcessHandle.current().pid();
  }

  /**
   * Starts a shell script in the box; {@code $CELL} is the program, {@code $FILES} the directory.
   */
  Running start(String script) {
    return start(script, Optional.of(new byte[0]));
  }

  /** The same with standard input left open, to be typed to. */
  Running startInteractive(String script) {
    return start(script, Optional.empty());
  }

  private Running start(String script, Optional<byte[]> input) {
    List<String> command =
        List.of(
            "nsenter",
            "--target",
            Integer.toString(pid),
            "--mount",
            "--pid",
            "--net",
            "--ipc",
            "env",
            "-u",
            "XDG_RUNTIME_DIR",
            "CELL=" + EXECUTABLE,
            "FILES=" + files,
            "/bin/bash",
            "-uc",
            "cd \"$FILES\"; " + script);
    try {
      return new Running(command, new ProcessBuilder(command).start(), input, Optional.empty());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs a script to its end. */
  Result run(String script) {
    return start(script).await(TIMEOUT_SECONDS);
  }

  /** Runs a script whose failure is one of the test. */
  Result ok(String script) {
    return run(script).expect(0);
  }

  /** Fails if a container has left a process, a mount, a control group or state. */
  void assertClean(String... stateDirectories) {
    Wait.until(
        20,
        () -> "the end of processes in the box: " + ok("ps -ef").out(),
        () -> ok("ps -eo comm= | grep -vxE '(sleep|bash|ps|grep)' || true").out().isBlank());
    assertThat(ok("grep -F \"$FILES\" /proc/self/mounts | grep -v '/data/' || true").out())
        .as("mounts")
        .isEmpty();
    // Podman leaves its monitor's group, with any runtime.
    assertThat(
            ok("find /sys/fs/cgroup -mindepth 3 -type d -path '*"
                    + cgroup()
                    + "/*' | grep -v '/conmon$' || true")
                .out())
        .as("control groups")
        .isEmpty();
    for (String directory : stateDirectories) {
      assertThat(ok("ls -A " + directory + " 2> /dev/null || true").out()).as("state").isEmpty();
    }
  }

  @Override
  public void close() {
    holder.signal(dev.casemate.linux.Signals.KILL);
    holder.await(TIMEOUT_SECONDS);
    Shell.run(
        "for i in 1 2 3 4 5; do find /sys/fs/cgroup -depth -type d -path '*"
            + cgroup()
            + "*' -exec rmdir {} + 2> /dev/null && break; sleep 0.2; done; "
            + "rm -rf --one-file-system '"
            + files
            + "'");
  }
}
