package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Text;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The kernel modules of a guest that are not in its initramfs, in one file ({@code modules.pack}):
 *
 * <pre>
 * casemate-modules 1 BYTES       of the index
 * NAME OFFSET SIZE ORDER ALIAS… a line a module: where its .ko file is, counted from the end of the
 *                                index; what to load, in order, separated by commas, itself last
 * </pre>
 *
 * <p>{@code casemate guest build} writes it ({@code ModulePackWriter}). It is read when a guest
 * asks for a module for the first time, not at a start.
 */
final class ModulePack {
  private static final String MARK = "casemate-modules 1 ";
  private static final int HEADER_LIMIT = 64;
  private static final int INDEX_LIMIT = 8 << 20;

  /** No module is larger, and one has to go into a message. */
  static final int MODULE_LIMIT = 3 << 20;

  private static final int WORDS = 4;

  private record Place(long offset, int size, List<String> order) {}

  private final String path;
  private final long contentAt;
  private final Map<String, Place> places = new HashMap<>();
  private final Map<String, String> aliases = new HashMap<>();

  private ModulePack(String path, long contentAt) {
    this.path = path;
    this.contentAt = contentAt;
  }

  /**
   * Reads the index.
   *
   * @throws CasemateException CORRUPT if it is none
   * @throws dev.casemate.linux.LinuxException if the file cannot be read
   */
  static ModulePack open(String path) {
    try (Fd file = Fs.open(path, OpenFlag.READ_ONLY)) {
      byte[] header = new byte[HEADER_LIMIT];
      int n = Math.max(0, file.read(header, 0, header.length));
      String start = new String(header, 0, n, StandardCharsets.UTF_8);
      int line = start.indexOf('\n');
      if (!start.startsWith(MARK) || line < 0) {
        throw corrupt(path, "it does not begin as one");
      }
      int size = Integer.parseInt(start.substring(MARK.length(), line));
      if (size < 0 || size > INDEX_LIMIT) {
        throw corrupt(path, "its index has " + size + " bytes");
      }
      FileContent.seek(file, line + 1, 0);
      ModulePack pack = new ModulePack(path, (long) line + 1 + size);
      pack.index(new String(read(file, size, path), StandardCharsets.UTF_8));
      return pack;
    } catch (NumberFormatException e) {
      throw corrupt(path, "a number is none");
    }
  }

  private void index(String text) {
    for (String line : Text.split(text, '\n')) {
      List<String> words = Text.split(line, ' ');
      if (words.size() < WORDS) {
        throw corrupt(path, "a line is too short");
      }
      Place place =
          new Place(
              Long.parseLong(words.get(1)),
              Integer.parseInt(words.get(2)),
              Text.split(words.get(3), ','));
      if (place.offset() < 0 || place.size() < 0 || place.size() > MODULE_LIMIT) {
        throw corrupt(path, "module " + words.get(0) + " is nowhere in it");
      }
      places.put(words.get(0), place);
      for (String alias : words.subList(WORDS, words.size())) {
        aliases.putIfAbsent(alias, words.get(0));
      }
    }
  }

  /**
   * What has to be loaded for a module or one of its aliases, in order; nothing if there is none of
   * that name.
   */
  List<String> order(String wish) {
    // modprobe(8) takes dashes and underscores for the same in names.
    String name = aliases.getOrDefault(wish, wish.replace('-', '_'));
    return Optional.ofNullable(places.get(name)).map(Place::order).orElse(List.of());
  }

  /** The .ko file of a module; empty if there is none. */
  Optional<byte[]> content(String name) {
    Place place = places.get(name);
    if (place == null) {
      return Optional.empty();
    }
    try (Fd file = Fs.open(path, OpenFlag.READ_ONLY)) {
      FileContent.seek(file, contentAt + place.offset(), 0);
      return Optional.of(read(file, place.size(), path));
    }
  }

  private static byte[] read(Fd file, int size, String path) {
    byte[] bytes = new byte[size];
    int at = 0;
    while (at < size) {
      int n = file.read(bytes, at, size - at);
      if (n <= 0) {
        throw corrupt(path, "it ends too early");
      }
      at += n;
    }
    return bytes;
  }

  private static CasemateException corrupt(String path, String why) {
    return CasemateException.of(
        Kind.CORRUPT,
        "modules of the guest, " + path + ": " + why + "; build it anew: casemate guest build");
  }
}
