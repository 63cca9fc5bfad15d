package dev.casemate.e2e.cell;

import dev.casemate.base.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** An OCI bundle with busybox, made by the program's own {@code spec}. */
final class Bundle {
  private final Path directory;
  private final Json.Obj config;

  private Bundle(Path directory, Json.Obj config) {
    this.directory = directory;
    this.config = config;
  }

  /** A bundle in {@code $FILES/NAME} that runs a command without a terminal. */
  static Bundle make(Box box, String name, String... command) {
    box.ok(
        "mkdir -p "
            + name
            + "/rootfs/bin && cd "
            + name
            + " && { [ -e rootfs/bin/busybox ] || { cp /bin/busybox rootfs/bin &&"
            + " chroot rootfs /bin/busybox --install -s /bin; }; } && rm -f config.json && $CELL spec");
    Path directory = box.files().resolve(name);
    try {
      Json.Obj config = Json.parseObject(Files.readString(directory.resolve("config.json")));
      Bundle bundle = new Bundle(directory, config);
      bundle.process().put("terminal", false).putStrings("args", List.of(command));
      bundle.linux().put("cgroupsPath", box.cgroup() + "/" + name);
      return bundle.write();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Path directory() {
    return directory;
  }

  Json.Obj config() {
    return config;
  }

  Json.Obj process() {
    return config.object("process").orElseThrow();
  }

  Json.Obj linux() {
    return config.object("linux").orElseThrow();
  }

  Bundle with(Consumer<Bundle> change) {
    change.accept(this);
    return write();
  }

  Bundle write() {
    return text(config.pretty());
  }

  /** Writes anything as {@code config.json}. */
  Bundle text(String text) {
    try {
      Files.writeString(directory.resolve("config.json"), text);
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
