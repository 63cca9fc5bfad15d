package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.Stat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A checkpoint that an engine has unpacked from a hostile image. */
@Tag("root")
@Timeout(20)
class VmCheckpointTest {
  @TempDir Path temp;

  /** Opening a FIFO waits for a writer, and opening a watchdog starts it. */
  private void plant(Path directory, String kind, String name) throws IOException {
    String path = directory.resolve(name).toString();
    switch (kind) {
      case "fifo" -> Fs.makeFifo(path, 0600);
      case "device" -> Fs.makeNode(path, Stat.CHARACTER | 0600, 10, 130);
      default -> Links.symlink(Files.writeString(temp.resolve("secret"), "{}").toString(), path);
    }
  }

  @Test
  void whatIsNotAFileInItIsNotOpened() throws IOException {
    for (String kind : new String[] {"fifo", "device", "link"}) {
      Path directory = Files.createDirectory(temp.resolve(kind));
      String place = directory.toString();
      for (String name : new String[] {"casemate.json", "memory", "disk0"}) {
        plant(directory, kind, name);
      }
      assertThatThrownBy(() -> VmCheckpoint.read(place))
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining("casemate.json is not a regular file");
      assertThatThrownBy(() -> VmCheckpoint.open(VmCheckpoint.memory(place)))
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining("memory is not a regular file");
      String disk = Files.write(temp.resolve("disk"), new byte[4096]).toString();
      assertThatThrownBy(() -> DiskContent.restore(VmCheckpoint.disk(place, 0), disk))
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining("disk0 is not a regular file");
    }
    try (Fd file = VmCheckpoint.open(Files.writeString(temp.resolve("file"), "x").toString())) {
      assertThat(Fs.stat(file).size()).isEqualTo(1);
    }
  }
}
