package dev.casemate.e2e.engine;

import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Where the engines of this run keep what is theirs. All names contain {@link #MARK}. */
public final class Places {
  /** In paths, cgroups and environments of everything that this run starts. */
  public static final String MARK = "cmg" + ProcessHandle.current().pid() + "e";

  /** Short, because of the sockets below it. */
  public static final Path RUN = Path.of("/run", MARK);

  /** On a disk, because of overlays and databases. */
  public static final Path DISK = TestDirectory.of("engines").resolve(MARK);

  /** Of Casemate, for the shims that these engines start. */
  public static final Path CASEMATE_RUN = RUN.resolve("c");

  public static final Path CASEMATE_STATE = DISK.resolve("casemate");

  /** Where scripts/engines.sh unpacked what Debian 12 does not have. */
  public static final Path ENGINES = Path.of("../build/engines").toAbsolutePath().normalize();

  static {
    removeDead();
    try {
      Files.createDirectories(CASEMATE_RUN);
      Files.createDirectories(CASEMATE_STATE);
      for (String shared : List.of("guest", "templates")) {
        Files.createSymbolicLink(
            CASEMATE_STATE.resolve(shared), Path.of("/var/lib/casemate", shared));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Runtime.getRuntime().addShutdownHook(new Thread(() -> remove(MARK, RUN, DISK)));
  }

  private Places() {}

  /** A directory on the disk, empty. */
  public static Path fresh(String name) {
    Path directory = DISK.resolve(name);
    // An engine that has ended leaves its images' layers mounted.
    Shell.run(
        "awk -v below='"
            + directory
            + "/' 'index($2, below) == 1 { print $2 }' /proc/self/mounts | sort -r"
            + " | xargs -r -n 1 umount -l; rm -rf --one-file-system '"
            + directory
            + "'; mkdir -p '"
            + directory
            + "'");
    return directory;
  }

  /** What runs that were killed have left. */
  private static void removeDead() {
    try (Stream<Path> all = Files.list(Path.of("/run"))) {
      for (Path path : all.toList()) {
        String mark = path.getFileName().toString();
        if (mark.matches("cmg[0-9]+e") && !Files.exists(Path.of("/proc", pid(mark)))) {
          remove(mark, path, DISK.resolveSibling(mark));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Whose run a mark names. */
  static String pid(String mark) {
    return mark.substring(3, mark.length() - 1);
  }

  /** Ends and removes everything that carries a mark. */
  private static void remove(String mark, Path run, Path disk) {
    for (int pid : Remains.pids(mark)) {
      ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    }
    String paths = "'(" + run + "|" + disk + ")/'";
    Shell.result(
        "sleep 0.3; grep -oE '[^ ]*"
            + mark
            + "[^ ]*' /proc/self/mounts | sort -ru | while read -r m; do umount -l \"$m\"; done; "
            + "grep -E "
            + paths
            + " /proc/self/mounts | cut -d' ' -f2 | sort -r | xargs -r -n1 umount -l; "
            + "find /sys/fs/cgroup -depth -type d -path '*"
            + mark
            + "*' -exec rmdir {} + ; "
            + "rm -rf --one-file-system "
            + String.join(" ", List.of(run.toString(), disk.toString())));
  }
}
