package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads and writes {@code guest.json}. Reading is on the way to every VM's start. */
final class GuestFile {
  private static final int MAXIMUM_BYTES = 256 * 1024;

  /** Raised when the initramfs' layout changes in a way that an agent or a host has to know. */
  private static final int FORMAT = 1;

  private GuestFile() {}

  /** Empty when there is none. */
  static Optional<Guest> read(String name, Path directory) {
    String path = directory.resolve(GuestStore.DESCRIPTION).toString();
    String text;
    try {
      text = FileContent.readString(path, MAXIMUM_BYTES);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR) {
        return Optional.empty();
      }
      throw Failure.of("read " + path, e);
    }
    try {
      Json.Obj json = Json.parseObject(text);
      long format = json.integer("format", 0);
      if (format != FORMAT) {
        throw corrupt(
            name, path, "its format is " + format + ", but this program supports " + FORMAT);
      }
      Map<String, List<String>> groups = new LinkedHashMap<>();
      Optional<Json.Obj> groupsJson = json.object("groups");
      if (groupsJson.isPresent()) {
        for (String group : groupsJson.get().fields().keySet()) {
          groups.put(group, List.copyOf(groupsJson.get().strings(group)));
        }
      }
      Guest guest =
          new Guest(
              name,
              directory,
              json.string("kernelRelease"),
              json.string("source"),
              json.string("sourceVersion"),
              groups,
              json.string("agentSha256"),
              json.string("created"),
              json.integer("kernelBytes", 0),
              json.integer("initramfsBytes", 0));
      if (guest.kernelRelease().isEmpty() || groups.isEmpty()) {
        throw corrupt(name, path, "it has no kernelRelease or no groups");
      }
      return Optional.of(guest);
    } catch (CasemateException e) {
      if (e.kind() == Kind.CORRUPT && Failure.message(e).startsWith("Guest ")) {
        throw e;
      }
      throw corrupt(name, path, Failure.message(e));
    }
  }

  static void write(Guest guest, Path directory) {
    Json.Obj groups = new Json.Obj();
    for (Map.Entry<String, List<String>> group : guest.groups().entrySet()) {
      groups.putStrings(group.getKey(), group.getValue());
    }
    Json.Obj json =
        new Json.Obj()
            .put("format", FORMAT)
            .put("name", guest.name())
            .put("kernelRelease", guest.kernelRelease())
            .put("source", guest.source())
            .put("sourceVersion", guest.sourceVersion())
            .put("agentSha256", guest.agentSha256())
            .put("created", guest.created())
            .put("kernelBytes", guest.kernelBytes())
            .put("initramfsBytes", guest.initramfsBytes())
            .put("groups", groups);
    String path = directory.resolve(GuestStore.DESCRIPTION).toString();
    try {
      FileContent.replace(path, (json.text() + "\n").getBytes(StandardCharsets.UTF_8), 0600);
    } catch (LinuxException e) {
      throw Failure.of("write " + path, e);
    }
  }

  private static CasemateException corrupt(String name, String path, String why) {
    return CasemateException.of(
        Kind.CORRUPT,
        "Guest '"
            + name
            + "' is damaged: "
            + path
            + ": "
            + why
            + ". Rebuild it with 'casemate guest build --name "
            + name
            + "' or remove it with 'casemate guest rm "
            + name
            + "'");
  }
}
