package dev.casemate.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.linux.Fd;
import dev.casemate.linux.UnixSocket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class QmpTest {
  private static final List<String> TALK =
      List.of(
          "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7},"
              + " \"package\": \"x\"}, \"capabilities\": [\"oob\"]}}",
          "{\"return\": {}, \"id\": 0}",
          "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"SHUTDOWN\", \"data\":"
              + " {\"guest\": true, \"reason\": \"guest-reset\"}}",
          "{\"id\": 7, \"error\": {\"class\": \"GenericError\", \"desc\": \"no \\u00e4\"}}");

  @Test
  void readsWhatQemuSays() {
    assertThat(QmpMessage.parse(TALK.get(0))).isEqualTo(new QmpMessage.Greeting("7.2.22"));
    assertThat(QmpMessage.parse(TALK.get(1))).isEqualTo(new QmpMessage.Return(0, new Json.Obj()));
    assertThat(QmpMessage.parse(TALK.get(2)))
        .isInstanceOfSatisfying(
            QmpMessage.Event.class,
            e -> {
              assertThat(e.name()).isEqualTo("SHUTDOWN");
              assertThat(e.data().string("reason")).isEqualTo("guest-reset");
            });
    assertThat(QmpMessage.parse(TALK.get(3)))
        .isEqualTo(new QmpMessage.Failure(7, "GenericError", "no ä"));
  }

  @Test
  void linesAreCutWhereverTheStreamIs() {
    Random random = new Random(2);
    byte[] stream = (String.join("\r\n", TALK) + "\n").getBytes(StandardCharsets.UTF_8);
    for (int round = 0; round < 200; round++) {
      LineBuffer lines = new LineBuffer(1000);
      List<String> found = new ArrayList<>();
      int at = 0;
      while (at < stream.length) {
        int n = Math.min(stream.length - at, 1 + random.nextInt(90));
        lines.append(java.util.Arrays.copyOfRange(stream, at, at + n), n);
        at += n;
        for (Optional<String> l = lines.next(); l.isPresent(); l = lines.next()) {
          found.add(l.get());
        }
      }
      assertThat(found).isEqualTo(TALK);
    }
  }

  @Test
  void aLineWithoutEndIsAnErrorNotMemory() {
    LineBuffer lines = new LineBuffer(10_000);
    byte[] chunk = new byte[4096];
    lines.append(chunk, 4096);
    assertThat(lines.next()).isEmpty();
    lines.append(chunk, 4096);
    assertThat(lines.next()).isEmpty();
    lines.append(chunk, 4096);
    assertThatThrownBy(lines::next)
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("10000");
  }

  /** Whatever arrives is a message or a CasemateException: nothing else, and soon. */
  @Test
  void mutationsNeverDoWorse() {
    Random random = new Random(3);
    for (int round = 0; round < 40_000; round++) {
      StringBuilder text = new StringBuilder(TALK.get(random.nextInt(TALK.size())));
      for (int change = 1 + random.nextInt(4); change > 0 && !text.isEmpty(); change--) {
        int at = random.nextInt(text.length());
        switch (random.nextInt(5)) {
          case 0 -> text.deleteCharAt(at);
          case 1 -> text.insert(at, "{}[]\",:0e-\\\u0000n".charAt(random.nextInt(13)));
          case 2 -> text.setCharAt(at, (char) random.nextInt(300));
          case 3 -> text.setLength(at);
          default -> text.insert(at, text.substring(random.nextInt(at + 1), at));
        }
      }
      try {
        QmpMessage.parse(text.toString());
      } catch (CasemateException e) {
        assertThat(e.getMessage()).isNotEmpty();
      }
    }
    assertThatThrownBy(() -> QmpMessage.parse("{\"return\":" + "[".repeat(500_000)))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("nested");
  }

  @Test
  void aSilentPeerMeansATimeoutAndABrokenOneAnError() {
    Fd[] pair = UnixSocket.pair();
    try (Fd mine = pair[0];
        Fd peer = pair[1]) {
      Qmp qmp = new Qmp(mine, "vm");
      assertThatThrownBy(() -> qmp.execute("query-status", new Json.Obj(), Optional.empty(), 50))
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining("50 ms");
      qmp.fail("gone");
      assertThatThrownBy(() -> qmp.execute("query-status")).hasMessageContaining("gone");
      assertThat(peer.isOpen()).isTrue();
    }
  }
}
