package dev.casemate.containers;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.oci.Spec;
import dev.casemate.sandbox.Leftovers;
import dev.casemate.sandbox.SandboxPaths;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The containers of this machine: one directory each, no daemon, no index. Several commands may use
 * it at once.
 *
 * <p>A name is a file that contains the id; a lock on the directory of names orders the commands
 * that take and release names. A sandbox is alive while its own lock is held. The record of a
 * sandbox that died without updating it is corrected when it is read next ({@link #list}, {@link
 * #find}).
 */
public final class ContainerStore {
  private static final int RECORD_LIMIT = 4 << 20;
  private static final int NAME_LIMIT = 128;

  /** The status of a container whose end was not observed, as in Docker. */
  private static final int LOST_EXIT_CODE = 255;

  private final SandboxPaths paths;

  public ContainerStore(SandboxPaths paths) {
    this.paths = paths;
  }

  public SandboxPaths paths() {
    return paths;
  }

  /**
   * Adds a container in phase {@code created}.
   *
   * @param spec the bundle's config.json
   * @throws CasemateException ALREADY_EXISTS if its name is taken, INVALID_ARGUMENT if the name is
   *     not valid
   */
  public ContainerRecord create(ContainerConfig config, Spec spec) {
    checkName(config.name());
    String directory = paths.container(config.id());
    try {
      FileTree.makeDirectories(paths.containers(), 0700);
      Fs.makeDirectory(directory, 0700);
    } catch (LinuxException e) {
      throw failure("create the container's directory", e);
    }
    ContainerRecord record = new ContainerRecord(config, ContainerState.created());
    try {
      write(directory + "/config.json", spec.toJson());
      write(directory + "/container.json", config.toJson());
      write(directory + "/state.json", record.state().toJson());
      takeName(config);
      return record;
    } catch (LinuxException e) {
      FileTree.removeTree(directory);
      throw failure("write the container's record", e);
    } catch (RuntimeException e) {
      FileTree.removeTree(directory);
      throw e;
    }
  }

  private static CasemateException failure(String what, LinuxException e) {
    Kind kind = e.errno() == Errno.ENOSPC ? Kind.RESOURCE_EXHAUSTED : Kind.PERMISSION_DENIED;
    String remedy =
        e.errno() == Errno.ENOSPC
            ? "; free some space (casemate rm, casemate rmi) and try again"
            : "; run as root, or set CASEMATE_STATE and CASEMATE_RUN to directories that you may write";
    return CasemateException.of(kind, "cannot " + what + ": " + e.getMessage() + remedy, e);
  }

  private static void checkName(String name) {
    boolean valid = !name.isEmpty() && name.length() <= NAME_LIMIT;
    for (int i = 0; i < name.length() && valid; i++) {
      char c = name.charAt(i);
      boolean alphanumeric =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      valid = alphanumeric || (i > 0 && (c == '_' || c == '.' || c == '-'));
    }
    if (!valid) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "container name \""
              + name
              + "\" is not valid: use letters, digits, '_', '.' and '-', starting with a letter or digit, at most "
              + NAME_LIMIT
              + " characters");
    }
  }

  private void takeName(ContainerConfig config) {
    String name = config.name();
    try (Fd lock = lockNames()) {
      String owner = nameOwner(name).orElse("");
      // If the owner has no record, a command was killed between removing the two.
      if (!owner.isEmpty() && Fs.exists(paths.container(owner) + "/container.json")) {
        throw CasemateException.of(
            Kind.ALREADY_EXISTS,
            "container name \""
                + name
                + "\" is in use by container "
                + owner.substring(0, Math.min(12, owner.length()))
                + "; remove it with: casemate rm -f "
                + name
                + ", or choose another --name");
      }
      // Renamed into place, because "find" reads names without the lock. No name begins with a dot.
      String fresh = paths.names() + "/.new";
      FileContent.write(fresh, config.id().getBytes(StandardCharsets.UTF_8), 0600);
      Fs.rename(fresh, paths.names() + "/" + name);
    }
  }

  /** Until the descriptor is closed, no other command or thread takes or gives up a name. */
  private Fd lockNames() {
    FileTree.makeDirectories(paths.names(), 0700);
    Fd directory = Fs.open(paths.names(), OpenFlag.READ_ONLY | OpenFlag.DIRECTORY);
    try {
      Fs.lock(directory, true, true);
      return directory;
    } catch (RuntimeException e) {
      directory.close();
      throw e;
    }
  }

  private Optional<String> nameOwner(String name) {
    try {
      return Optional.of(FileContent.readString(paths.names() + "/" + name, 256).trim());
    } catch (LinuxException e) {
      return Optional.empty();
    }
  }

  /** All containers, in no particular order; records of dead sandboxes are corrected first. */
  public List<ContainerRecord> list() {
    List<ContainerRecord> records = new ArrayList<>();
    if (!Fs.exists(paths.containers())) {
      return records;
    }
    for (String id : Fs.list(paths.containers())) {
      load(id).ifPresent(records::add);
    }
    return records;
  }

  /**
   * The container with an id, an unambiguous prefix of an id, or a name.
   *
   * @throws CasemateException NOT_FOUND, or INVALID_ARGUMENT if several ids have this prefix
   */
  public ContainerRecord find(String reference) {
    if (!reference.isEmpty() && reference.indexOf('/') < 0 && !reference.startsWith(".")) {
      String owner = nameOwner(reference).orElse("");
      Optional<ContainerRecord> named = owner.isEmpty() ? Optional.empty() : load(owner);
      if (named.isPresent()) {
        return named.get();
      }
      String match = "";
      for (String id :
          Fs.exists(paths.containers()) ? Fs.list(paths.containers()) : List.<String>of()) {
        if (id.startsWith(reference)) {
          if (!match.isEmpty()) {
            throw CasemateException.of(
                Kind.INVALID_ARGUMENT,
                "container id \"" + reference + "\" is ambiguous; give more digits");
          }
          match = id;
        }
      }
      Optional<ContainerRecord> found = match.isEmpty() ? Optional.empty() : load(match);
      if (found.isPresent()) {
        return found.get();
      }
    }
    throw CasemateException.of(
        Kind.NOT_FOUND, "no such container: " + reference + "; list them with: casemate ps -a");
  }

  /** One container by its full id; empty if it was removed or is not completely created. */
  public Optional<ContainerRecord> load(String id) {
    String directory = paths.container(id);
    try {
      ContainerRecord record =
          new ContainerRecord(
              ContainerConfig.fromJson(read(directory + "/container.json")),
              ContainerState.fromJson(read(directory + "/state.json")));
      return Optional.of(record.state().alive() && !isOwned(id) ? bury(record) : record);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Whether a running process holds the sandbox's lock. */
  public boolean isOwned(String id) {
    try (Fd lock = Fs.open(paths.lock(id), OpenFlag.READ_ONLY)) {
      return !Fs.lock(lock, false, false);
    } catch (LinuxException e) {
      return false;
    }
  }

  private ContainerRecord bury(ContainerRecord record) {
    String id = record.config().id();
    // The record may have been read just before its owner wrote the last state and let go.
    ContainerState again = ContainerState.fromJson(read(paths.container(id) + "/state.json"));
    Leftovers.clean(paths, id);
    if (!again.alive()) {
      return new ContainerRecord(record.config(), again);
    }
    ContainerState state =
        again.ended(
            LOST_EXIT_CODE,
            "the sandbox process ended without an error message; it may have been killed",
            System.currentTimeMillis(),
            false);
    ContainerRecord buried = new ContainerRecord(record.config(), state);
    update(id, state);
    if (record.config().autoRemove()) {
      remove(buried);
    }
    return buried;
  }

  /** Replaces a container's state. */
  public void update(String id, ContainerState state) {
    write(paths.container(id) + "/state.json", state.toJson());
  }

  /** Removes a container and its files. Its sandbox must have ended. */
  public void remove(ContainerRecord record) {
    String id = record.config().id();
    Leftovers.clean(paths, id);
    String name = record.config().name();
    try (Fd lock = lockNames()) {
      if (nameOwner(name).orElse("").equals(id)) {
        Fs.unlinkIfExists(paths.names() + "/" + name);
      }
    }
    FileTree.removeTree(paths.container(id));
  }

  private static Json.Obj read(String path) {
    return Json.parseObject(FileContent.readString(path, RECORD_LIMIT));
  }

  private static void write(String path, Json.Obj json) {
    FileContent.replace(path, json.pretty().getBytes(StandardCharsets.UTF_8), 0600);
  }
}
