package dev.casemate.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CpioWriterTest {
  @TempDir Path scratch;

  @Test
  void writesWhatTheKernelUnpacks() throws IOException {
    byte[] archive = sample();

    List<CpioReader.Entry> entries = CpioReader.read(archive);

    assertThat(entries)
        .extracting(CpioReader.Entry::path)
        .containsExactly("dev", "dev/console", "lib", "lib/modules", "lib/modules/a.ko", "init");
    assertThat(entries.get(0).mode()).isEqualTo(0040755);
    assertThat(entries.get(1).mode()).isEqualTo(0020600);
    assertThat(entries.get(1).major()).isEqualTo(5);
    assertThat(entries.get(1).minor()).isEqualTo(1);
    assertThat(entries.get(4).content()).isEqualTo("odd length!");
    assertThat(entries.get(5).mode()).isEqualTo(0100755);
    assertThat(entries.get(5).content()).isEqualTo("the agent");
    assertThat(entries).allMatch(e -> e.uid() == 0 && e.gid() == 0 && e.mtime() == 0);
    assertThat(entries).extracting(CpioReader.Entry::inode).doesNotHaveDuplicates();
    assertThat(archive.length % 512).isZero();
  }

  @Test
  void givesTheSameBytesForTheSameInput() throws IOException {
    assertThat(sample()).isEqualTo(sample());
  }

  @Test
  void countsItsBytes() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (CpioWriter cpio = new CpioWriter(out)) {
      cpio.file("a", 0644, new byte[5]);
      cpio.finish();
      assertThat(cpio.bytes()).isEqualTo(out.size());
    }
  }

  @Test
  void refusesAFileWithoutItsDirectory() {
    try (CpioWriter cpio = new CpioWriter(new ByteArrayOutputStream())) {
      assertThatThrownBy(() -> cpio.file("lib/x", 0644, new byte[0]))
          .hasMessageContaining("no directory for lib/x");
      assertThatThrownBy(() -> cpio.directory("/dev", 0755)).hasMessageContaining("'/dev'");
      assertThatThrownBy(() -> cpio.directory("", 0755)).hasMessageContaining("''");
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private byte[] sample() throws IOException {
    Path agent = scratch.resolve("agent");
    Files.writeString(agent, "the agent");
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (CpioWriter cpio = new CpioWriter(out)) {
      cpio.directory("dev", 0755);
      cpio.characterDevice("dev/console", 0600, 5, 1);
      cpio.directory("lib", 0755);
      cpio.directory("lib/modules", 0755);
      cpio.file("lib/modules/a.ko", 0600, "odd length!".getBytes(StandardCharsets.US_ASCII));
      cpio.file("init", 0755, agent);
      cpio.finish();
    }
    return out.toByteArray();
  }
}
