package dev.casemate.cli;

import dev.casemate.archive.RootedExtractor;
import dev.casemate.archive.TarEntry;
import dev.casemate.archive.TarReader;
import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.PlainText;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Machine;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Text;
import java.io.InputStream;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Unpacks one file or directory that a guest sends as a tar stream. The guest chooses every byte of
 * the stream, so nothing of it touches the destination before all of it is here and was found good:
 * it goes to a new directory that only its owner can enter, and moves from there by rename(2). The
 * destination's directory is opened once; all that follows is relative to that descriptor.
 */
final class CopyOut {
  private static final String STAGE_PREFIX = ".casemate-cp-";
  private static final String TOP = "top";
  private static final int SET_ID_BITS = 06000;
  private static final int DIRECTORY = OpenFlag.READ_ONLY | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW;
  private static final long MAX_ENTRIES = 4_000_000;

  private static final int MAX_PATH = 4095;

  /** As deep as the agent's own archives. */
  private static final int MAX_DEPTH = 512;

  /** Directories' names are held until the end; an honest tree of a million has a tenth of this. */
  private static final long MAX_DIRECTORY_NAMES = 256L << 20;

  private static final int MAX_LEFT_OUT = 10_000;
  private static final int MAX_NOTES = 20;

  private final String name;
  private final boolean directory;
  private final boolean links;
  private final Consumer<String> notes;
  private final int uid = Processes.effectiveUid();
  private final int gid = Processes.effectiveGid();
  private final Set<String> leftOut = new HashSet<>();
  private Optional<String> top = Optional.empty();
  private long directoryNames;

  /**
   * @param name what the file or directory will be called; {@code "."}: a directory's content goes
   *     into the destination itself
   * @param directory whether the guest said that it is a directory
   * @param links whether it may be a symbolic link instead of a file
   * @param notes what was left out, a line each
   */
  CopyOut(String name, boolean directory, boolean links, Consumer<String> notes) {
    this.name = name;
    this.directory = directory;
    this.links = links;
    this.notes = notes;
  }

  /**
   * Unpacks all of a stream.
   *
   * @param destination the directory that {@code name} will be in
   * @param confirm runs once the stream is at its end and before anything is moved; may refuse
   */
  void extract(InputStream stream, String destination, Runnable confirm) {
    if (name.equals("..")) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "the path in the container ends in \"..\"; name the directory itself");
    }
    try (Fd parent = Fs.open(destination, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY);
        Fd place = place(parent)) {
      String stageName = STAGE_PREFIX + Machine.randomHex(8);
      Fs.makeDirectoryAt(place, stageName, 0700);
      try (Fd stage = Fs.openAt(place, stageName, DIRECTORY, 0)) {
        unpack(stage, stream);
        confirm.run();
        MergeTree.into(stage, TOP, parent, name, destination);
      } finally {
        FileTree.removeTreeAt(place, stageName);
      }
    }
  }

  /** The directory that is merged into, if there is one: it may be another file system. */
  private Fd place(Fd parent) {
    boolean into =
        directory && MergeTree.find(parent, name).filter(s -> s.isDirectory()).isPresent();
    return Fs.openAt(parent, into ? name : ".", DIRECTORY, 0);
  }

  private void unpack(Fd stage, InputStream stream) {
    try (RootedExtractor extractor =
        new RootedExtractor(stage, RootedExtractor.Options.strict(MAX_ENTRIES))) {
      TarReader reader = new TarReader(stream, true);
      Optional<TarEntry> next = reader.next();
      while (next.isPresent()) {
        TarEntry entry = next.get();
        check(entry);
        if (!leaveOut(entry)) {
          extractor.apply(ours(entry), reader);
        }
        next = reader.next();
      }
      extractor.finish();
    }
    if (top.isEmpty()) {
      throw refused("the archive is empty");
    }
    if (leftOut.size() > MAX_NOTES) {
      notes.accept("skipped " + leftOut.size() + " FIFOs and device nodes in total");
    }
  }

  /** One top entry, of the kind that was announced, and the others below it. */
  private void check(TarEntry entry) {
    List<String> parts = Text.split(entry.name(), '/');
    if (entry.name().startsWith("/") || parts.isEmpty()) {
      throw refused("entry " + PlainText.quote(entry.name()) + " has an absolute or empty name");
    }
    if (entry.name().length() > MAX_PATH) {
      throw refused(
          "entry "
              + PlainText.quote(entry.name())
              + " has a path of more than "
              + MAX_PATH
              + " bytes");
    }
    if (parts.size() > MAX_DEPTH) {
      throw refused(
          "entry "
              + PlainText.quote(entry.name())
              + " lies more than "
              + MAX_DEPTH
              + " directories deep");
    }
    if (parts.contains("..") || parts.lastIndexOf(".") > 0) {
      throw refused("entry " + PlainText.quote(entry.name()) + " has \".\" or \"..\" in its name");
    }
    if (top.isEmpty()) {
      checkTop(entry, parts);
      top = Optional.of(parts.getFirst());
    } else if (parts.size() == 1 || !parts.getFirst().equals(top.get()) || !directory) {
      throw refused(
          "entry "
              + PlainText.quote(entry.name())
              + " is at the top level or outside, expected "
              + (directory ? "only entries below " : "only file ")
              + PlainText.quote(top.get()));
    }
    if (entry.type() == TarEntry.Type.DIRECTORY) {
      directoryNames += entry.name().length();
      if (directoryNames > MAX_DIRECTORY_NAMES) {
        throw refused("the directories' names have more than " + MAX_DIRECTORY_NAMES + " bytes");
      }
    }
  }

  private void checkTop(TarEntry entry, List<String> parts) {
    boolean announced =
        directory
            ? entry.type() == TarEntry.Type.DIRECTORY
            : entry.type() == TarEntry.Type.FILE
                || (links && entry.type() == TarEntry.Type.SYMLINK);
    if (parts.size() != 1 || !announced || (parts.getFirst().equals(".") && !directory)) {
      throw refused(
          "the first entry, "
              + PlainText.quote(entry.name())
              + ", is a "
              + what(entry.type())
              + "; the container announced a "
              + (directory ? "directory" : links ? "file or a symbolic link" : "file"));
    }
  }

  private static String what(TarEntry.Type type) {
    return switch (type) {
      case FILE -> "file";
      case HARD_LINK -> "hard link";
      case SYMLINK -> "symbolic link";
      case CHARACTER, BLOCK -> "device node";
      case DIRECTORY -> "directory";
      case FIFO -> "FIFO";
    };
  }

  /** Opening a device or a FIFO does things, or waits: below a directory they are left out. */
  private boolean leaveOut(TarEntry entry) {
    boolean node =
        entry.type() == TarEntry.Type.CHARACTER
            || entry.type() == TarEntry.Type.BLOCK
            || entry.type() == TarEntry.Type.FIFO;
    boolean link =
        entry.type() == TarEntry.Type.HARD_LINK && leftOut.contains(trimmed(entry.linkTarget()));
    if (!node && !link) {
      return false;
    }
    boolean another = leftOut.add(trimmed(entry.name()));
    if (leftOut.size() > MAX_LEFT_OUT) {
      throw refused("more than " + MAX_LEFT_OUT + " FIFOs and device nodes");
    }
    // The same name again and again is one.
    if (another && leftOut.size() <= MAX_NOTES) {
      notes.accept("skipped " + what(entry.type()) + " " + PlainText.quote(entry.name()));
    }
    return true;
  }

  private static String trimmed(String name) {
    return String.join("/", Text.split(name, '/'));
  }

  /** The entry under our own name for the top, without set-id bits, owned by the caller. */
  private TarEntry ours(TarEntry entry) {
    return new TarEntry(
        below(entry.name(), entry),
        entry.type(),
        entry.mode() & ~SET_ID_BITS,
        uid,
        gid,
        entry.size(),
        entry.mtimeSeconds(),
        entry.mtimeNanos(),
        entry.type() == TarEntry.Type.HARD_LINK
            ? below(entry.linkTarget(), entry)
            : entry.linkTarget(),
        0,
        0,
        Map.of(),
        entry.segments());
  }

  private String below(String path, TarEntry entry) {
    int slash = path.indexOf('/');
    String first = slash < 0 ? path : path.substring(0, slash);
    if (!first.equals(top.orElseThrow())) {
      throw refused(
          "entry "
              + PlainText.quote(entry.name())
              + " is a hard link out of "
              + PlainText.quote(top.get()));
    }
    return slash < 0 ? TOP : TOP + path.substring(slash);
  }

  private static CasemateException refused(String why) {
    return CasemateException.of(
        Kind.CORRUPT, "cp: the container's archive is refused, nothing was copied: " + why);
  }
}
