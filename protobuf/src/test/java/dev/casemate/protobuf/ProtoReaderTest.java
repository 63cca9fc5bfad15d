package dev.casemate.protobuf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import org.junit.jupiter.api.Test;

class ProtoReaderTest {
  @Test
  void readsWhatTheWriterWrites() {
    ProtoWriter w = new ProtoWriter(1);
    w.putInt32(1, -1);
    w.putUint32(2, -1);
    w.putInt64(3, Long.MIN_VALUE);
    w.putSint32(4, Integer.MIN_VALUE);
    w.putSint64(5, -3);
    w.putFixed32(6, 0x80000001);
    w.putFixed64(7, 0x8000000000000001L);
    w.putBool(8, true);
    w.putString(9, "Grüße \uD83D\uDE00 \uFFFD");
    w.putBytes(536870911, new byte[] {1, 2});
    ProtoReader r = new ProtoReader(w.toByteArray());
    assertThat(r.tag()).isEqualTo(1 << 3);
    assertThat(r.varint32()).isEqualTo(-1);
    r.tag();
    assertThat(r.varint64()).isEqualTo(0xffffffffL);
    r.tag();
    assertThat(r.varint64()).isEqualTo(Long.MIN_VALUE);
    r.tag();
    assertThat(r.zigzag32()).isEqualTo(Integer.MIN_VALUE);
    r.tag();
    assertThat(r.zigzag64()).isEqualTo(-3);
    r.tag();
    assertThat(r.fixed32()).isEqualTo(0x80000001);
    r.tag();
    assertThat(r.fixed64()).isEqualTo(0x8000000000000001L);
    r.tag();
    assertThat(r.bool()).isTrue();
    r.tag();
    assertThat(r.string()).isEqualTo("Grüße \uD83D\uDE00 \uFFFD");
    assertThat(r.tag() >>> 3).isEqualTo(536870911);
    assertThat(r.bytes()).containsExactly(1, 2);
    assertThat(r.tag()).isZero();
  }

  @Test
  void putsLengthsOfAnySizeBeforeNestedMessages() {
    for (int length : new int[] {0, 1, 127, 128, 16383, 16384, 2097151, 2097152}) {
      ProtoWriter w = new ProtoWriter();
      int start = w.begin(1);
      w.putString(1, "x".repeat(length));
      w.end(start);
      w.putUint32(2, 7);
      ProtoReader r = new ProtoReader(w.toByteArray());
      assertThat(r.tag()).isEqualTo(10);
      int outer = r.enter();
      assertThat(r.tag()).isEqualTo(10);
      assertThat(r.string()).hasSize(length);
      assertThat(r.tag()).isZero();
      r.leave(outer);
      assertThat(r.tag()).isEqualTo(16);
      assertThat(r.varint32()).isEqualTo(7);
    }
  }

  @Test
  void refusesWhatIsNotWellFormed() {
    refused("more than 10 bytes", -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1);
    refused("needs 1 bytes where 0 are left", 8, 0x80);
    refused("needs 5 bytes where 1 are left", 10, 5, 'a');
    refused("needs 18446744073709551615 bytes", 10, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1);
    refused("needs 4 bytes where 3 are left", 13, 0, 0, 0);
    refused("needs 8 bytes where 7 are left", 9, 0, 0, 0, 0, 0, 0, 0);
    refused("field numbers", 0);
    refused("wire type 6", 14);
    refused("wire type 4", 12);
    refused("has no end", 11);
    refused("has no end", 11, 8, 1);
    refused("wire type 4", 11, 20, 8, 1);
    assertThatThrownBy(() -> new ProtoReader(new byte[] {2, (byte) 0xc3, 0x28}).string())
        .isInstanceOf(MalformedMessageException.class)
        .hasMessageContaining("UTF-8");
  }

  private static void refused(String why, int... bytes) {
    byte[] b = new byte[bytes.length];
    for (int i = 0; i < b.length; i++) {
      b[i] = (byte) bytes[i];
    }
    assertThatThrownBy(() -> skipAll(b))
        .isInstanceOf(MalformedMessageException.class)
        .hasMessageContaining(why);
  }

  @Test
  void boundsNestingAndElements() {
    ProtoReader deep = new ProtoReader(nested(ProtoReader.MAX_DEPTH));
    for (int i = 1; i < ProtoReader.MAX_DEPTH; i++) {
      deep.tag();
      deep.enter();
    }
    deep.tag();
    assertThatThrownBy(deep::enter)
        .isInstanceOf(MalformedMessageException.class)
        .hasMessageContaining("deeper than 32");
    ProtoReader many = new ProtoReader(new byte[0]);
    for (int i = 0; i < ProtoReader.MAX_ELEMENTS; i++) {
      many.element();
    }
    assertThatThrownBy(many::element)
        .isInstanceOf(MalformedMessageException.class)
        .hasMessageContaining("131072 elements");
    byte[] groups = new byte[100];
    java.util.Arrays.fill(groups, (byte) 11);
    assertThatThrownBy(() -> skipAll(groups))
        .isInstanceOf(MalformedMessageException.class)
        .hasMessageContaining("deeper");
  }

  private static byte[] nested(int levels) {
    byte[] inner = {};
    for (int i = 0; i < levels; i++) {
      ProtoWriter w = new ProtoWriter();
      w.putBytes(1, inner);
      inner = w.toByteArray();
    }
    return inner;
  }

  @Test
  void skipsGroupsOfOldSenders() {
    skipAll(new byte[] {11, 8, 1, 19, 20, 12, 16, 1});
  }

  @Test
  void endsOnAnyInputWithinItsBounds() {
    Random random = new Random(20261122);
    for (int i = 0; i < 200_000; i++) {
      byte[] b = new byte[random.nextInt(40)];
      random.nextBytes(b);
      try {
        skipAll(b);
      } catch (MalformedMessageException e) {
        assertThat(e.getMessage()).isNotBlank();
      }
    }
  }

  private static void skipAll(byte[] b) {
    ProtoReader r = new ProtoReader(b);
    int tag;
    while ((tag = r.tag()) != 0) {
      r.skip(tag);
    }
  }
}
