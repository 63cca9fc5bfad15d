package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Pipe;
import dev.casemate.rpc.ConnectionLostException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a guest may answer to a question for a piece of output. */
@Timeout(60)
class StreamPumpTest {
  private static String carried(ScriptedGuest guest) {
    try (Pipe pipe = Pipe.open()) {
      Fd out = Fd.of(pipe.write().release());
      out.nonBlocking(true);
      new StreamPump(guest.agent, "c", "e", false, Optional.of(out), Optional.empty()).run();
      return new String(
          FileContent.readBytes(pipe.read(), "pipe", 1 << 20), StandardCharsets.UTF_8);
    }
  }

  @Test
  void carriesPiecesToTheirEnd() {
    try (ScriptedGuest guest = new ScriptedGuest()) {
      guest.relay("e").output.add("one".getBytes(StandardCharsets.UTF_8));
      guest.relay("e").output.add("two".getBytes(StandardCharsets.UTF_8));
      guest.relay("e").output.add(ScriptedGuest.END);
      assertThat(carried(guest)).isEqualTo("onetwo");
      assertThat(guest.warnings).isEmpty();
    }
  }

  @Test
  void aLongerAnswerThanAskedForEndsTheGuest() {
    byte[] newlines = new byte[4_000_000];
    Arrays.fill(newlines, (byte) '\n');
    try (ScriptedGuest guest = new ScriptedGuest()) {
      guest.relay("e").output.add("one".getBytes(StandardCharsets.UTF_8));
      guest.relay("e").output.add(newlines);
      assertThat(carried(guest)).isEqualTo("one");
      String what =
          "the guest's agent broke the protocol: it answered ReadStdout with 4000000 bytes,"
              + " 32768 were requested";
      assertThat(guest.warnings).containsExactly(what + "; the connection to it was closed");
      // Whoever asks next hears why.
      assertThatThrownBy(() -> guest.agent.waitProcess("c", "e"))
          .isInstanceOf(ConnectionLostException.class)
          .hasMessageContaining(what);
    }
  }

  /** A thread that dies without a word would leave the workload waiting for a reader. */
  @Test
  void anErrorOfTheHostIsToldAndEndsTheStream() {
    try (ScriptedGuest guest = new ScriptedGuest()) {
      guest.outOfMemory.set(true);
      guest.relay("e").output.add(new byte[40_000]);
      assertThat(carried(guest)).isEmpty();
      assertThat(guest.warnings)
          .containsExactly(
              "a stream from the guest cannot be forwarded: java.lang.OutOfMemoryError: a test's;"
                  + " the connection to it was closed");
    }
  }
}
