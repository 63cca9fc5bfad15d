package dev.casemate.rpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.protobuf.MalformedMessageException;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PrefixedMessagesTest {
  @Test
  void messagesComeWholeHoweverTheStreamIsCut() {
    List<byte[]> sent = List.of(new byte[] {1, 2, 3}, new byte[0], new byte[300], new byte[] {9});
    ByteArrayOutputStream stream = new ByteArrayOutputStream();
    for (byte[] message : sent) {
      stream.writeBytes(PrefixedMessages.frame(message));
    }
    byte[] all = stream.toByteArray();
    for (int piece = 1; piece <= all.length; piece++) {
      PrefixedMessages messages = new PrefixedMessages(300);
      List<byte[]> got = new ArrayList<>();
      for (int at = 0; at < all.length; at += piece) {
        int length = Math.min(piece, all.length - at);
        byte[] part = new byte[length + 5];
        System.arraycopy(all, at, part, 0, length);
        got.addAll(messages.add(part, length));
      }
      assertThat(got).usingElementComparator(java.util.Arrays::compare).isEqualTo(sent);
    }
  }

  @Test
  void refusesWhatIsLongerThanAllowed() {
    for (byte[] prefix : List.of(new byte[] {0, 0, 1, 45}, new byte[] {-1, -1, -1, -1})) {
      assertThatThrownBy(() -> new PrefixedMessages(300).add(prefix, 4))
          .isInstanceOf(MalformedMessageException.class)
          .hasMessageContaining("at most 300");
    }
  }

  @Test
  void dnsMessagesHaveTwoBytesBeforeThem() {
    assertThat(PrefixedMessages.dnsFrame(new byte[] {7, 8})).containsExactly(0, 2, 7, 8);
    byte[] longest = new byte[PrefixedMessages.DNS_LIMIT];
    longest[0] = 1;
    byte[] framed = PrefixedMessages.dnsFrame(longest);
    assertThat(framed).hasSize(2 + longest.length).startsWith(-1, -1, 1);
    PrefixedMessages messages = PrefixedMessages.dns();
    assertThat(messages.add(framed, framed.length - 1)).isEmpty();
    byte[] rest = {framed[framed.length - 1], 0, 0, 0, 1, 9, 5};
    List<byte[]> got = messages.add(rest, rest.length);
    assertThat(got).hasSize(3);
    assertThat(got.get(0)).isEqualTo(longest);
    assertThat(got.get(1)).isEmpty();
    assertThat(got.get(2)).containsExactly(9);
    assertThat(messages.add(new byte[] {0}, 1)).isEmpty();
  }

  @Test
  void aDnsMessageThatItsPrefixCannotTellIsRefused() {
    assertThatThrownBy(() -> PrefixedMessages.dnsFrame(new byte[PrefixedMessages.DNS_LIMIT + 1]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("65536 bytes");
  }
}
