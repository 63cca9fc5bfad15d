package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.protocol.GuestContract;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The guests on this host: a directory each, with {@code vmlinux}, {@code initramfs.cpio}, {@code
 * modules/} and {@code guest.json}.
 *
 * <p>A guest appears and is replaced as a whole; a VM that already runs keeps what it has read.
 */
public final class GuestStore {
  /** The guest that is booted when none is named. */
  public static final String DEFAULT_NAME = "default";

  static final String KERNEL = "vmlinux";
  static final String INITRAMFS = "initramfs.cpio";
  static final String DESCRIPTION = "guest.json";
  static final String MODULES = "modules";

  private static final int MAXIMUM_NAME = 64;

  /**
   * What is in a store.
   *
   * @param guests by name
   * @param damaged guests that cannot be read, with the reason
   */
  public record Listing(List<Guest> guests, Map<String, String> damaged) {}

  private final Path root;
  private final Path cache;

  /**
   * A store in any place.
   *
   * @param cache where downloaded packages are kept and unpacked
   */
  public GuestStore(Path root, Path cache) {
    this.root = root;
    this.cache = cache;
  }

  /** The store of this host. */
  public static GuestStore standard() {
    return new GuestStore(Path.of("/var/lib/casemate/guest"), Path.of("/var/cache/casemate"));
  }

  public Path root() {
    return root;
  }

  /** All guests, by name. */
  public Listing list() {
    List<Guest> guests = new ArrayList<>();
    Map<String, String> damaged = new LinkedHashMap<>();
    for (String name : names()) {
      try {
        find(name)
            .ifPresentOrElse(guests::add, () -> damaged.put(name, "it has no " + DESCRIPTION));
      } catch (CasemateException e) {
        damaged.put(name, Failure.message(e));
      }
    }
    return new Listing(guests, damaged);
  }

  /**
   * The guest of that name.
   *
   * @throws CasemateException INVALID_ARGUMENT for a bad name, CORRUPT when its description cannot
   *     be read
   */
  public Optional<Guest> find(String name) {
    checkName(name);
    return GuestFile.read(name, root.resolve(name));
  }

  /**
   * Builds a guest, in place of one of the same name.
   *
   * @throws CasemateException FAILED_PRECONDITION when the same guest is being built by another
   *     process
   */
  public Guest build(GuestSpec spec, Progress progress) {
    checkName(spec.name());
    ModuleGroups.requireKnown(spec.extraFeatures());
    Scratch.make(root);
    try (GuestLock lock = GuestLock.take(root, spec.name())) {
      lock.clean(root);
      lock.clean(cache);
      return new GuestBuilder(root, cache, progress).build(spec);
    }
  }

  /**
   * Rewrites a guest's initramfs if it contains another agent than {@code agent}; this takes a
   * fraction of a second.
   *
   * @return the guest as it is now
   * @throws CasemateException NOT_FOUND when there is no such guest
   */
  public Guest refreshAgent(String name, Path agent, Progress progress) {
    checkName(name);
    if (!Fs.exists(root.resolve(name).toString())) {
      throw notFound(name);
    }
    try (GuestLock lock = GuestLock.take(root, name)) {
      lock.clean(root);
      Guest guest = find(name).orElseThrow(() -> notFound(name));
      return new GuestBuilder(root, cache, progress).refresh(guest, agent);
    }
  }

  /**
   * Ensures that the requested guest exists, with as little work as possible: nothing, a new
   * initramfs for a new agent, or a build.
   *
   * <p>A kernel is kept when none in particular is asked for, or the very package that it came
   * from; a meta package, a suite, a file and a source package are rebuilt each time. So {@code
   * linux-image-cloud-amd64} by name is how to get a newer kernel.
   *
   * @return the guest as it is now
   */
  public Guest ensure(GuestSpec spec, Progress progress) {
    ModuleGroups.requireKnown(spec.extraFeatures());
    Optional<Guest> present;
    try {
      present = find(spec.name());
    } catch (CasemateException e) {
      if (e.kind() != Kind.CORRUPT) {
        throw e;
      }
      progress.step("Rebuilding: " + Failure.message(e));
      present = Optional.empty();
    }
    return present.isPresent() && satisfies(present.get(), spec)
        ? refreshAgent(spec.name(), spec.agent(), progress)
        : build(spec, progress);
  }

  private static boolean satisfies(Guest guest, GuestSpec spec) {
    boolean kernel =
        spec.kernel() instanceof KernelSource.DebianPackage debian
            && debian.suite().isEmpty()
            && (debian.name().isEmpty() || debian.name().get().equals(guest.source()));
    return kernel
        && guest.groups().keySet().containsAll(spec.extraFeatures())
        && Fs.exists(guest.directory().resolve(GuestContract.MODULE_PACK).toString());
  }

  /**
   * Removes a guest, a damaged one too.
   *
   * @throws CasemateException NOT_FOUND if there is no guest with this name
   */
  public void remove(String name) {
    checkName(name);
    Path directory = root.resolve(name);
    if (!Fs.exists(directory.toString())) {
      throw notFound(name);
    }
    try (GuestLock lock = GuestLock.take(root, name)) {
      lock.clean(root);
      Path trash = lock.scratchName("removed");
      Fs.rename(directory.toString(), trash.toString());
      Scratch.remove(trash);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        throw notFound(name);
      }
      throw Failure.of("remove guest '" + name + "' in " + root, e);
    }
  }

  private CasemateException notFound(String name) {
    List<String> names = names();
    return CasemateException.of(
        Kind.NOT_FOUND,
        "No such guest: '"
            + name
            + "' in "
            + root
            + (names.isEmpty() ? "" : " (available: " + String.join(", ", names) + ")")
            + ". Build it with 'casemate guest build"
            + (name.equals(DEFAULT_NAME) ? "'" : " --name " + name + "'"));
  }

  private List<String> names() {
    List<String> names = new ArrayList<>();
    try {
      for (String name : Fs.list(root.toString())) {
        if (!name.startsWith(".") && Fs.stat(root.resolve(name).toString()).isDirectory()) {
          names.add(name);
        }
      }
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw Failure.of("list " + root, e);
      }
    }
    names.sort(null);
    return names;
  }

  /** Letters, digits, '.', '_' and '-', a letter or digit first: it becomes a directory's name. */
  private static void checkName(String name) {
    boolean good = !name.isEmpty() && name.length() <= MAXIMUM_NAME;
    for (int i = 0; good && i < name.length(); i++) {
      char c = name.charAt(i);
      boolean alphanumeric =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      good = alphanumeric || (i > 0 && (c == '.' || c == '_' || c == '-'));
    }
    if (!good) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "'"
              + name
              + "' cannot be a guest's name: use up to "
              + MAXIMUM_NAME
              + " letters, digits, '.', '_' and '-', a letter or digit first");
    }
  }
}
