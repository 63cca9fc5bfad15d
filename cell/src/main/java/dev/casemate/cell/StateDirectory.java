package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.base.Json;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.UnixSocket;
import dev.casemate.oci.Spec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A container's directory below a runtime's root ({@code --root}), by which processes that know
 * nothing of each other run one container: {@code state.json} (a {@link ContainerRecord}), {@code
 * config.json} (the spec that it was made from: the bundle's may have changed since), and, as long
 * as the container is created but not started, {@code start.sock}, on which its first process
 * waits.
 *
 * <p>Whoever changes the container's life holds the directory's lock.
 */
public final class StateDirectory implements AutoCloseable {
  private static final String RECORD = "state.json";
  private static final String CONFIG = "config.json";
  private static final String GATE = "start.sock";
  private static final int ID_LIMIT = 1024;
  private static final int RECORD_LIMIT = 16 << 20;

  private final String root;
  private final String id;
  private Optional<Fd> open = Optional.empty();

  private StateDirectory(String root, String id) {
    this.root = root;
    this.id = id;
  }

  /**
   * Names the directory of a container; nothing is made or looked for yet.
   *
   * @throws CasemateException INVALID_ARGUMENT for an id that is none
   */
  public static StateDirectory of(String root, String id) {
    checkId(id);
    return new StateDirectory(root, id);
  }

  /** An id names a directory: letters, digits and {@code _ + - .}, as runc has it. */
  public static void checkId(String id) {
    boolean fine = !id.isEmpty() && id.length() <= ID_LIMIT && !id.equals(".") && !id.equals("..");
    for (int i = 0; i < id.length() && fine; i++) {
      char c = id.charAt(i);
      fine =
          (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || c == '_'
              || c == '+'
              || c == '-'
              || c == '.';
    }
    if (!fine) {
      throw Failures.invalid(
          "container id \""
              + (id.length() > ID_LIMIT ? id.substring(0, 40) + "…" : id)
              + "\" is not valid; use letters, digits and any of _ + - .");
    }
  }

  /** The ids of the containers below a root, sorted; half-made ones too. */
  public static List<String> ids(String root) {
    List<String> ids = new ArrayList<>();
    try {
      for (String name : Fs.list(root)) {
        if (Fs.exists(root + "/" + name + "/" + RECORD)) {
          ids.add(name);
        }
      }
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw Failures.of("listing containers of " + root, e);
      }
    }
    ids.sort(null);
    return ids;
  }

  public String id() {
    return id;
  }

  String root() {
    return root;
  }

  public String path() {
    return root + "/" + id;
  }

  /** Makes the directory and takes its lock. */
  void make() {
    try {
      FileTree.makeDirectories(root, 0711);
      Fs.makeDirectory(path(), 0700);
    } catch (LinuxException e) {
      if (e.errno() == Errno.EEXIST) {
        throw CasemateException.of(
            CasemateException.Kind.ALREADY_EXISTS,
            "container with id "
                + id
                + " already exists in "
                + root
                + "; delete it or use another");
      }
      throw Failures.of("creating state directory " + path(), e);
    }
    lock();
  }

  /** Waits for the directory's lock and holds it until {@link #close}. */
  void lock() {
    try {
      Fs.lock(directory(), true, true);
    } catch (LinuxException e) {
      throw Failures.of("locking state directory " + path(), e);
    }
  }

  /** Whether no other process works on the container; takes the lock if so. */
  boolean tryLock() {
    return Fs.lock(directory(), true, false);
  }

  private Fd directory() {
    if (open.isEmpty()) {
      try {
        open = Optional.of(Fs.open(path(), OpenFlag.READ_ONLY | OpenFlag.DIRECTORY));
      } catch (LinuxException e) {
        if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR) {
          throw missing();
        }
        throw Failures.of("opening state directory " + path(), e);
      }
    }
    return open.get();
  }

  private CasemateException missing() {
    return CasemateException.of(
        CasemateException.Kind.NOT_FOUND, "container " + id + " does not exist in " + root);
  }

  /** Writes the record: whole or not at all. */
  void write(ContainerRecord record) {
    try {
      FileContent.replace(
          path() + "/" + RECORD, record.toJson().text().getBytes(StandardCharsets.UTF_8), 0600);
    } catch (LinuxException e) {
      throw Failures.of("writing the state of container " + id, e);
    }
  }

  void write(Spec spec) {
    try {
      FileContent.write(
          path() + "/" + CONFIG, spec.toJson().text().getBytes(StandardCharsets.UTF_8), 0600);
    } catch (LinuxException e) {
      throw Failures.of("writing the configuration of container " + id, e);
    }
  }

  /** Reads the record. */
  public ContainerRecord record() {
    try {
      return ContainerRecord.fromJson(
          Json.parseObject(FileContent.readString(path() + "/" + RECORD, RECORD_LIMIT)));
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR) {
        throw missing();
      }
      throw Failures.of("reading the state of container " + id, e);
    }
  }

  /** The spec that the container was made from. */
  public Spec spec() {
    try {
      return Spec.parse(FileContent.readString(path() + "/" + CONFIG, RECORD_LIMIT));
    } catch (LinuxException e) {
      throw Failures.of("reading the configuration of container " + id, e);
    }
  }

  /** By way of the open directory: a socket's address is limited to 107 bytes, a path is not. */
  private String gatePath() {
    return directory().procPath() + "/" + GATE;
  }

  Fd makeGate() {
    try {
      return UnixSocket.listen(gatePath(), 1);
    } catch (LinuxException e) {
      throw Failures.of("making the start socket of container " + id, e);
    }
  }

  /** Whether the first process still waits for its start. */
  boolean hasGate() {
    return Fs.exists(path() + "/" + GATE);
  }

  /**
   * Connects to the first process, and ends the state "created"; empty if somebody else was first.
   */
  Optional<Fd> openGate() {
    try {
      Fd connection = UnixSocket.connect(gatePath());
      Fs.unlinkIfExists(path() + "/" + GATE);
      return Optional.of(connection);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.ECONNREFUSED) {
        return Optional.empty();
      }
      throw Failures.of("opening the start socket of container " + id, e);
    }
  }

  /** Removes the directory and what is in it; missing is fine. */
  public void remove() {
    try {
      FileTree.removeTree(path());
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw Failures.of("removing state directory " + path(), e);
      }
    }
    close();
  }

  /** Gives the lock back. */
  @Override
  public void close() {
    open.ifPresent(Fd::close);
    open = Optional.empty();
  }
}
