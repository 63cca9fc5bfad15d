package dev.casemate.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class Lz4LegacyTest {
  @Test
  void repeatsAcrossTheOverlap() throws IOException {
    // "abc", then 10 bytes from 3 back, then "!".
    byte[] frame = frame(new byte[] {0x36, 'a', 'b', 'c', 3, 0, 0x10, '!'});

    assertThat(text(decode(frame, 14))).isEqualTo("abcabcabcabca!");
  }

  @Test
  void readsLongLengths() throws IOException {
    ByteArrayOutputStream block = new ByteArrayOutputStream();
    // 15 + 255 + 0 literals, then a match of 4 + 15 + 1 bytes from 1 back.
    block.write(new byte[] {(byte) 0xFF, (byte) 255, 0});
    block.write("x".repeat(270).getBytes(StandardCharsets.US_ASCII));
    block.write(new byte[] {1, 0, 1, 0x00});
    byte[] frame = frame(block.toByteArray());

    assertThat(text(decode(frame, 290))).isEqualTo("x".repeat(290));
  }

  @Test
  void refusesWhatPointsOutside() {
    assertThatThrownBy(() -> decode(frame(new byte[] {0x16, 'a', 2, 0}), 20))
        .hasMessageContaining("match points outside");
    assertThatThrownBy(() -> decode(frame(new byte[] {0x16, 'a', 0, 0}), 20))
        .hasMessageContaining("match points outside");
    assertThatThrownBy(() -> decode(frame(new byte[] {(byte) 0xF0, 100, 'a'}), 500))
        .hasMessageContaining("literals run past");
    assertThatThrownBy(() -> decode(frame(new byte[] {0x36, 'a', 'b', 'c', 3}), 20))
        .hasMessageContaining("truncated");
    assertThatThrownBy(() -> decode(frame(new byte[] {0x36, 'a', 'b', 'c', 3, 0}), 12))
        .hasMessageContaining("match points outside");
  }

  @Test
  void refusesWrongSizesAndOtherFormats() {
    byte[] frame = frame(new byte[] {0x30, 'a', 'b', 'c'});
    assertThatThrownBy(() -> decode(frame, 4))
        .hasMessageContaining("decompressed to 3 bytes, expected 4");
    assertThatThrownBy(() -> decode(new byte[] {1, 2, 3, 4}, 4)).hasMessageContaining("not an LZ4");
    byte[] longer = frame.clone();
    longer[4] = 100;
    assertThatThrownBy(() -> decode(longer, 3)).hasMessageContaining("block of 100 bytes, 4 left");
  }

  private static byte[] decode(byte[] frame, int size) throws IOException {
    return Lz4Legacy.decode(frame, 0, frame.length, size);
  }

  private static byte[] frame(byte[] block) {
    return ByteBuffer.allocate(8 + block.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(Lz4Legacy.MAGIC)
        .putInt(block.length)
        .put(block)
        .array();
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.US_ASCII);
  }
}
