package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Inotify;
import dev.casemate.protocol.casemate.SyncDirectoryRequest;
import dev.casemate.protocol.casemate.SyncEntry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("root")
class SyncDirectoryTest {
  @TempDir Path directory;
  private String volumes = "";
  private Path target = Path.of("");

  @BeforeEach
  void setUp() {
    volumes = directory.resolve("volumes").toString();
    target = Path.of(volumes, "0");
  }

  private static SyncEntry entry(String name, int mode, String data) {
    return SyncEntry.builder()
        .name(name)
        .mode(mode)
        .data(data.getBytes(StandardCharsets.UTF_8))
        .build();
  }

  /** A volume as kubelet writes it. */
  private static List<SyncEntry> version(String stamp, String value) {
    return List.of(
        entry("..data", 0120777, "..v" + stamp),
        entry("..v" + stamp, 040755, ""),
        entry("..v" + stamp + "/key", 0100640, value),
        entry("key", 0120777, "..data/key"));
  }

  private void sync(List<SyncEntry> entries) {
    SyncDirectory.apply(
        volumes,
        SyncDirectoryRequest.builder().path(volumes + "/0").mode(0755).entries(entries).build());
  }

  @Test
  void followsAsKubeletUpdates() throws IOException {
    sync(version("1", "one"));
    assertThat(target.resolve("key")).hasContent("one");
    assertThat(Files.getPosixFilePermissions(target.resolve("..v1/key")))
        .isEqualTo(PosixFilePermissions.fromString("rw-r-----"));
    try (Inotify inotify = Inotify.open()) {
      inotify.add(target.toString(), Inotify.MOVED_TO | Inotify.CREATE | Inotify.DELETE);
      sync(version("1", "one"));
      assertThat(inotify.read()).as("nothing has changed").isEmpty();
      sync(version("2", "two"));
      List<Inotify.Event> events = inotify.read();
      List<String> names = new ArrayList<>();
      for (Inotify.Event event : events) {
        if ((event.mask() & Inotify.MOVED_TO) != 0) {
          names.add(event.name());
        }
      }
      assertThat(names).containsExactly("..data");
      assertThat(events).anyMatch(e -> e.name().equals("..v1") && (e.mask() & Inotify.DELETE) != 0);
    }
    assertThat(target.resolve("key")).hasContent("two");
    assertThat(target.resolve("..v1")).doesNotExist();
  }

  @Test
  void replacesOneKindByAnother() throws IOException {
    sync(List.of(entry("a", 0100644, "file"), entry("b", 040755, ""), entry("b/c", 0100600, "x")));
    sync(List.of(entry("a", 040755, ""), entry("a/d", 0120777, "../b"), entry("b", 0100644, "y")));
    assertThat(target.resolve("a")).isDirectory();
    assertThat(Files.readSymbolicLink(target.resolve("a/d"))).isEqualTo(Path.of("../b"));
    assertThat(target.resolve("b")).hasContent("y");
    sync(List.of());
    assertThat(target).isEmptyDirectory();
    SyncDirectory.apply(
        volumes, SyncDirectoryRequest.builder().path(volumes + "/0").remove(true).build());
    SyncDirectory.apply(
        volumes, SyncDirectoryRequest.builder().path(volumes + "/0").remove(true).build());
    assertThat(target).doesNotExist();
  }

  @Test
  void nothingLeadsOut() throws IOException {
    Path outside = Files.createDirectory(directory.resolve("outside"));
    Files.createDirectories(target);
    Files.createSymbolicLink(target.resolve("trap"), outside);
    // A container has put a link where a directory is to be.
    sync(List.of(entry("trap", 040755, ""), entry("trap/f", 0100644, "x")));
    assertThat(outside).isEmptyDirectory();
    assertThat(target.resolve("trap/f")).hasContent("x");
    for (String name : List.of("../x", "/x", "a/../x", "", ".", "..casemate-part")) {
      assertThatThrownBy(() -> sync(List.of(entry(name, 0100644, "x"))))
          .as(name)
          .isInstanceOf(CasemateException.class);
    }
    assertThatThrownBy(() -> sync(List.of(entry("fifo", 010644, ""))))
        .hasMessageContaining("not a file, directory or symbolic link");
    assertThatThrownBy(
            () -> sync(List.of(entry("twice", 0100644, ""), entry("twice", 0100644, ""))))
        .hasMessageContaining("twice");
    for (String path : List.of("/etc", volumes, volumes + "/a/b", volumes + "/../x")) {
      assertThatThrownBy(
              () ->
                  SyncDirectory.apply(
                      volumes, SyncDirectoryRequest.builder().path(path).mode(0755).build()))
          .as(path)
          .isInstanceOf(CasemateException.class);
    }
  }
}
