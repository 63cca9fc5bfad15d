package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Fd;
import dev.casemate.linux.InetSocket;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.Loopback;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.protocol.casemate.RelayedQuery;
import dev.casemate.rpc.PrefixedMessages;
import dev.casemate.testsupport.Wait;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Tag("root")
class RelayedResolverTest {
  private static List<String> loopback(String... lines) {
    return RelayedResolver.loopback(String.join("\n", lines)).stream()
        .map(IpAddress::toString)
        .toList();
  }

  @Test
  void onlyServersOnTheLoopbackInterface() {
    assertThat(loopback("search demo", "nameserver 127.0.0.11", "options ndots:0"))
        .containsExactly("127.0.0.11");
    assertThat(loopback("nameserver 192.0.2.1", "nameserver\t::1 ", "#nameserver 127.0.0.1"))
        .containsExactly("::1");
    assertThat(loopback("")).isEmpty();
  }

  @Test
  void rubbishIsPassedOverAndMoreThanThreeAre() {
    assertThat(
            loopback(
                "nameserver",
                "nameserver 127.0.0.1 127.0.0.2",
                "nameserver 127.0.0.1",
                "nameserver 127.0.0.1",
                "nameserver 127.0.0.2",
                "nameserver 127.0.0.3",
                "nameserver 127.0.0.4"))
        .containsExactly("127.0.0.1", "127.0.0.2", "127.0.0.3");
  }

  private static final IpAddress SERVER = IpAddress.parse("127.0.0.11");
  private static final String EXEC = "casemate-resolver";

  @TempDir Path directory;

  private interface Scene {
    void play(ScriptedGuest guest, String netns, BlockingQueue<RelayedResolver> ends)
        throws Exception;
  }

  private void play(Scene scene) throws Exception {
    String netns = directory.resolve("netns").toString();
    NetworkNamespace.create(
        netns,
        () -> {
          Loopback.up();
          return netns;
        });
    BlockingQueue<RelayedResolver> ends = new LinkedBlockingQueue<>();
    try (ScriptedGuest guest = new ScriptedGuest()) {
      RelayedResolver.start(guest.agent, "c1", List.of(SERVER), netns, ends::add);
      scene.play(guest, netns, ends);
    } finally {
      NetworkNamespace.destroy(netns);
    }
  }

  private static void ask(ScriptedGuest guest, int id, int resolver, boolean tcp, byte[] message) {
    RelayedQuery question =
        RelayedQuery.builder().id(id).resolver(resolver).tcp(tcp).message(message).build();
    byte[] frame = PrefixedMessages.frame(question.encode());
    // In pieces, as it may come.
    for (int at = 0; at < frame.length; at += 30_000) {
      guest
          .relay(EXEC)
          .output
          .add(Arrays.copyOfRange(frame, at, Math.min(frame.length, at + 30_000)));
    }
  }

  private static RelayedQuery answer(ScriptedGuest guest) throws Exception {
    PrefixedMessages messages = new PrefixedMessages(100_000);
    while (true) {
      byte[] piece = guest.relay(EXEC).input.poll(10, TimeUnit.SECONDS);
      assertThat(piece).isNotNull();
      List<byte[]> frames = messages.add(piece, piece.length);
      if (!frames.isEmpty()) {
        return RelayedQuery.decode(frames.getFirst());
      }
    }
  }

  @Test
  @Timeout(60)
  void answersOfAnySizeArrive() throws Exception {
    play(
        (guest, netns, ends) -> {
          try (Fd udp = NetworkNamespace.run(netns, () -> InetSocket.bindDatagram(SERVER, 53));
              Fd tcp = NetworkNamespace.run(netns, () -> InetSocket.listen(SERVER, 53, 5))) {
            ask(guest, 7, 0, false, new byte[] {1, 2});
            InetSocket.Datagram question = InetSocket.receive(udp, 100).orElseThrow();
            assertThat(question.data()).containsExactly(1, 2);
            InetSocket.send(udp, new InetSocket.Datagram(question.peer(), new byte[65_507]));
            assertThat(answer(guest).message()).hasSize(65_507);
            ask(guest, 8, 0, true, new byte[65_535]);
            try (Fd connection = InetSocket.accept(tcp).orElseThrow()) {
              byte[] framed = new byte[2 + 65_535];
              framed[0] = -1;
              framed[1] = -1;
              connection.writeAll(framed);
              RelayedQuery answer = answer(guest);
              assertThat(answer.id()).isEqualTo(8);
              assertThat(answer.message()).hasSize(65_535);
            }
            // Empty and cut off ones are none.
            ask(guest, 9, 0, true, new byte[] {3});
            try (Fd connection = InetSocket.accept(tcp).orElseThrow()) {
              connection.writeAll(new byte[] {1, 0, 1});
            }
            assertThat(guest.relay(EXEC).input.poll(300, TimeUnit.MILLISECONDS)).isNull();
          }
        });
  }

  @Test
  @Timeout(60)
  void aGuestThatAsksNonsenseOrTooMuchHarmsItselfOnly() throws Exception {
    play(
        (guest, netns, ends) -> {
          try (Fd udp = NetworkNamespace.run(netns, () -> InetSocket.bindDatagram(SERVER, 53))) {
            udp.nonBlocking(true);
            ask(guest, 1, 1, false, new byte[5]);
            ask(guest, 2, -1, true, new byte[5]);
            ask(guest, 3, 0, true, new byte[65_540]);
            ask(guest, 4, 0, false, new byte[65_530]);
            for (int i = 0; i < 2_000; i++) {
              ask(guest, 10 + i, 0, false, new byte[] {9});
            }
            Wait.until(20, "all questions to be read", () -> guest.relay(EXEC).output.isEmpty());
            TimeUnit.MILLISECONDS.sleep(300);
            int asked = 0;
            while (InetSocket.receive(udp, 100).isPresent()) {
              asked++;
            }
            assertThat(asked).isBetween(1, 16);
            // Those that nobody has answered are given up after five seconds.
            TimeUnit.MILLISECONDS.sleep(5_500);
            ask(guest, 5, 0, false, new byte[] {4});
            udp.nonBlocking(false);
            InetSocket.Datagram question = InetSocket.receive(udp, 100).orElseThrow();
            InetSocket.send(udp, new InetSocket.Datagram(question.peer(), new byte[] {5}));
            assertThat(answer(guest).message()).containsExactly(5);
            assertThat(ends).isEmpty();
          }
        });
  }

  @Test
  @Timeout(60)
  void lengthsBeyondBoundsEndItForGood() throws Exception {
    for (byte[] prefix : List.of(new byte[] {-1, -1, -1, -1}, new byte[] {0, 1, 0, 64})) {
      play(
          (guest, netns, ends) -> {
            guest.relay(EXEC).output.add(prefix);
            RelayedResolver ended = ends.poll(10, TimeUnit.SECONDS);
            assertThat(ended).isNotNull();
            assertThat(ended.works()).isFalse();
            assertThat(ended.mistrusted()).isTrue();
          });
      Files.deleteIfExists(directory.resolve("netns"));
    }
  }

  @Test
  @Timeout(60)
  void itsContainersEndIsTold() throws Exception {
    play(
        (guest, netns, ends) -> {
          guest.relay(EXEC).output.add(ScriptedGuest.END);
          RelayedResolver ended = ends.poll(10, TimeUnit.SECONDS);
          assertThat(ended).isNotNull();
          assertThat(ended.works()).isFalse();
          assertThat(ended.mistrusted()).isFalse();
        });
  }
}
