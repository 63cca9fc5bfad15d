package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.UnixSocket;
import dev.casemate.protocol.casemate.RelayedQuery;
import dev.casemate.rpc.PrefixedMessages;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class ResolverRelayTest {
  /** It loses its connection, and the relay, which serves others, goes on. */
  @Test
  void aProgramThatAsksAndReadsNothingHarmsItselfOnly() {
    Fd[] greedy = UnixSocket.pair();
    Fd[] other = UnixSocket.pair();
    try (Pipe questions = Pipe.open();
        Pipe answers = Pipe.open()) {
      ResolverRelay relay = new ResolverRelay(answers.read(), questions.write());
      relay.connected(0, greedy[1]);
      relay.connected(0, other[1]);
      greedy[0].writeAll(PrefixedMessages.dnsFrame(new byte[] {1}));
      relay.step(0);
      byte[] full = new byte[4096];
      while (greedy[1].write(full, 0, full.length) != Fd.WOULD_BLOCK) {
        // Until there is no room for an answer.
      }
      // In one step comes the answer, and it asks again.
      greedy[0].writeAll(PrefixedMessages.dnsFrame(new byte[] {2}));
      answer(answers.write(), 1);
      assertThat(relay.step(0)).isTrue();
      assertThat(greedy[1].isOpen()).isFalse();
      other[0].writeAll(PrefixedMessages.dnsFrame(new byte[] {3}));
      assertThat(relay.step(0)).isTrue();
      answer(answers.write(), 2);
      assertThat(relay.step(0)).isTrue();
      byte[] answer = new byte[100];
      assertThat(other[0].read(answer, 0, answer.length)).isEqualTo(2 + 1);
      assertThat(answer[2]).isEqualTo((byte) 9);
    } finally {
      for (Fd fd : new Fd[] {greedy[0], greedy[1], other[0], other[1]}) {
        fd.close();
      }
    }
  }

  private static void answer(Fd to, int id) {
    to.writeAll(
        PrefixedMessages.frame(
            RelayedQuery.builder().id(id).tcp(true).message(new byte[] {9}).build().encode()));
  }
}
