package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskContentTest {
  private static final int SIZE = 5_000_000;

  @TempDir Path directory;

  private Path disk(String name, int size, byte fill) throws IOException {
    byte[] bytes = new byte[size];
    Arrays.fill(bytes, fill);
    return Files.write(directory.resolve(name), bytes);
  }

  private void put(Path disk, long at, byte[] bytes) throws IOException {
    try (var channel = Files.newByteChannel(disk, StandardOpenOption.WRITE)) {
      channel.position(at).write(ByteBuffer.wrap(bytes));
    }
  }

  private Path saved() throws IOException {
    Path disk = disk("disk", SIZE, (byte) 0);
    byte[] noise = new byte[100_000];
    new Random(1).nextBytes(noise);
    put(disk, 65_000, noise);
    put(disk, SIZE - 3, new byte[] {1, 2, 3});
    Path file = directory.resolve("saved");
    DiskContent.save(disk.toString(), file.toString());
    return file;
  }

  @Test
  void comesBackByteForByteWithoutItsEmptyParts() throws IOException {
    Path file = saved();
    assertThat(Files.size(file)).isLessThan(300_000);
    Path other = disk("other", SIZE, (byte) 7);
    DiskContent.restore(file.toString(), other.toString());
    assertThat(Files.mismatch(directory.resolve("disk"), other)).isEqualTo(-1);
  }

  @Test
  void aHoleyFileIsReadOverItsHoles() throws IOException {
    Path disk = directory.resolve("sparse");
    Files.write(disk, new byte[0]);
    put(disk, 8L << 30, "far away".getBytes());
    Path file = directory.resolve("saved-sparse");
    DiskContent.save(disk.toString(), file.toString());
    assertThat(Files.size(file)).isLessThan(100_000);
    Path other = Files.write(directory.resolve("other-sparse"), new byte[0]);
    put(other, (8L << 30) + 7, new byte[] {1});
    DiskContent.restore(file.toString(), other.toString());
    try (var channel = Files.newByteChannel(other)) {
      ByteBuffer end = ByteBuffer.allocate(8);
      channel.position(8L << 30).read(end);
      assertThat(new String(end.array())).isEqualTo("far away");
    }
  }

  @Test
  void anotherSizeIsRefused() throws IOException {
    Path file = saved();
    Path small = disk("small", SIZE - 1, (byte) 7);
    assertThatThrownBy(() -> DiskContent.restore(file.toString(), small.toString()))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("has 4999999 bytes")
        .hasMessageContaining("has 5000000");
    assertThat(Files.readAllBytes(small)).containsOnly((byte) 7);
  }

  @Test
  void aDamagedFileIsRefused() throws IOException {
    Path file = saved();
    byte[] whole = Files.readAllBytes(file);
    Path other = disk("other", SIZE, (byte) 0);
    for (int length : new int[] {0, 7, 15, 16, 23, 27, 1000, whole.length - 1}) {
      Files.write(file, Arrays.copyOf(whole, length));
      refused(file, other);
    }
    // Offsets and lengths that lead out of the disk, or back.
    for (long at : new long[] {SIZE - 1, Long.MAX_VALUE, -2}) {
      byte[] bytes = whole.clone();
      ByteBuffer.wrap(bytes).putLong(16, at);
      Files.write(file, bytes);
      refused(file, other);
    }
    for (int length : new int[] {0, -1, Integer.MAX_VALUE, 65_537}) {
      byte[] bytes = whole.clone();
      ByteBuffer.wrap(bytes).putInt(24, length);
      Files.write(file, bytes);
      refused(file, other);
    }
    assertThat(Files.size(other)).isEqualTo(SIZE);
  }

  private static void refused(Path file, Path disk) {
    assertThatThrownBy(() -> DiskContent.restore(file.toString(), disk.toString()))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("is damaged");
  }
}
