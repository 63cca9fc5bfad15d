package dev.casemate.containers;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.UnixSocket;
import dev.casemate.oci.Spec;
import dev.casemate.sandbox.JailOptions;
import dev.casemate.sandbox.OwnerProcess;
import dev.casemate.sandbox.SandboxPaths;
import java.util.List;
import org.graalvm.nativeimage.ImageInfo;

/**
 * Starts sandboxes: record, socket and lock first, then the process that owns them, so that other
 * processes never find an incomplete sandbox.
 */
public final class SandboxLauncher {
  private static final int BACKLOG = 64;

  private final ContainerStore store;
  private final String executable;

  private SandboxLauncher(ContainerStore store, String executable) {
    this.store = store;
    this.executable = executable;
  }

  /** A launcher whose sandbox processes run {@code executable}, the native {@code casemate}. */
  public static SandboxLauncher create(ContainerStore store, String executable) {
    return new SandboxLauncher(store, executable);
  }

  /**
   * A launcher that runs this program's own executable, or, in a Java program, the installed {@code
   * casemate}.
   *
   * @throws CasemateException NOT_FOUND if there is none
   */
  public static SandboxLauncher create(ContainerStore store) {
    if (ImageInfo.inImageRuntimeCode()) {
      return create(store, "/proc/self/exe");
    }
    String path = System.getenv("PATH");
    String installed = Spawn.find("casemate", path == null ? "/usr/local/bin:/usr/bin" : path);
    if (installed.isEmpty()) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "the casemate executable is not on PATH; install it, or pass its path to SandboxLauncher");
    }
    return create(store, installed);
  }

  /**
   * Adds the container and starts its sandbox, whose VM begins to boot immediately.
   *
   * @param spec the bundle's config.json
   * @param commandStartMicros when the user's command began (monotonic clock), for the record of
   *     timings
   * @return a connection to the sandbox, which waits for {@link SandboxClient#create}
   */
  public SandboxClient launch(ContainerConfig config, Spec spec, long commandStartMicros) {
    String id = config.id();
    SandboxPaths paths = store.paths();
    // The sandbox process reads it, too: what is wrong with it belongs to the caller.
    JailOptions.fromEnvironment();
    try (OwnerProcess.Claim claim = claim(paths, id)) {
      ContainerRecord record = store.create(config, spec);
      try (Fd listener = UnixSocket.listen(paths.taskSocket(id), BACKLOG)) {
        Spawn program =
            Spawn.program(
                executable, List.of(SandboxProcess.ROLE, id, Long.toString(commandStartMicros)));
        claim.start(program, listener, paths.container(id) + "/sandbox.err");
      } catch (LinuxException e) {
        store.remove(record);
        throw CasemateException.of(
            Kind.INTERNAL,
            "cannot start the sandbox process " + executable + ": " + e.getMessage(),
            e);
      }
      return SandboxClient.connect(paths, id);
    } catch (RuntimeException e) {
      if (store.load(id).isEmpty()) {
        FileTree.removeTree(paths.sandbox(id));
      }
      throw e;
    }
  }

  private static OwnerProcess.Claim claim(SandboxPaths paths, String id) {
    try {
      // The id is new, so a directory of this name belongs to no sandbox.
      return OwnerProcess.claim(paths, id, () -> false)
          .orElseThrow(
              () ->
                  CasemateException.of(
                      Kind.ALREADY_EXISTS,
                      "sandbox " + id + " already exists; try again with another id"));
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.PERMISSION_DENIED,
          "cannot prepare the sandbox's directory: "
              + e.getMessage()
              + "; run as root, or set CASEMATE_RUN to a directory that you may write",
          e);
    }
  }
}
