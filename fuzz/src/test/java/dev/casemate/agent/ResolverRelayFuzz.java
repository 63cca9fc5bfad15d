package dev.casemate.agent;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.UnixSocket;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protocol.casemate.RelayedQuery;
import dev.casemate.rpc.PrefixedMessages;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The guest's end of the relay for DNS: what a container writes to a TCP connection becomes
 * questions to the host, whose answers find back to it; the host's bytes may be anything, too.
 */
@Fuzzes({ResolverRelay.class})
public final class ResolverRelayFuzz {
  /** What it asks fits into a pipe, which is not read meanwhile. */
  private static final int MOST_BYTES = 4096;

  /** Of earlier ones the relay forgets who has asked. */
  private static final int MOST_QUESTIONS = 256;

  private ResolverRelayFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Input input = new Input(data);
    int piece = 1 + input.next() % 64;
    boolean hostile = input.next() % 2 == 0;
    byte[] said = input.rest();
    byte[] written = Arrays.copyOf(said, Math.min(said.length, MOST_BYTES));
    Fd[] program = UnixSocket.pair();
    try (Pipe questions = Pipe.open();
        Pipe answers = Pipe.open();
        Fd client = program[0]) {
      questions.read().nonBlocking(true);
      client.nonBlocking(true);
      ResolverRelay relay = new ResolverRelay(answers.read(), questions.write());
      relay.connected(0, program[1]);
      List<byte[]> expected = new ArrayList<>();
      PrefixedMessages messages = PrefixedMessages.dns();
      for (int at = 0; at < written.length; at += piece) {
        byte[] part = Arrays.copyOfRange(written, at, Math.min(written.length, at + piece));
        client.writeAll(part);
        relay.step(0);
        messages.add(part, part.length).stream().filter(m -> m.length > 0).forEach(expected::add);
      }
      List<RelayedQuery> asked = asked(questions.read());
      Expect.same(expected.size(), asked.size());
      for (int i = 0; i < asked.size(); i++) {
        Expect.same(expected.get(i), asked.get(i).message());
        Expect.that(asked.get(i).tcp() && asked.get(i).resolver() == 0, "asked of another way");
      }
      if (hostile) {
        anything(relay, answers.write(), written, piece);
      } else {
        answers(relay, answers.write(), asked, client);
      }
      // The program goes away in the middle of it.
      client.close();
      relay.step(0);
      answers.write().close();
      Expect.that(!relay.step(0), "it goes on without answers");
    } catch (MalformedMessageException e) {
      // The relay ends.
      Expect.that(hostile, "refused what it should take: ", e);
    } finally {
      program[1].close();
    }
  }

  private static List<RelayedQuery> asked(Fd from) {
    byte[] all = read(from);
    return new PrefixedMessages(1 << 17)
        .add(all, all.length).stream().map(RelayedQuery::decode).toList();
  }

  private static byte[] read(Fd from) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    byte[] piece = new byte[16 * 1024];
    for (int n = from.read(piece, 0, piece.length); n > 0; n = from.read(piece, 0, piece.length)) {
      all.write(piece, 0, n);
    }
    return all.toByteArray();
  }

  /** The last ones come back as they were asked, once each. */
  private static void answers(ResolverRelay relay, Fd to, List<RelayedQuery> asked, Fd client) {
    ByteArrayOutputStream expected = new ByteArrayOutputStream();
    for (int i = 0; i < asked.size(); i++) {
      for (int twice = 0; twice < 2; twice++) {
        to.writeAll(PrefixedMessages.frame(asked.get(i).encode()));
        relay.step(0);
      }
      if (i >= asked.size() - MOST_QUESTIONS) {
        expected.writeBytes(PrefixedMessages.dnsFrame(asked.get(i).message()));
      }
    }
    Expect.same(expected.toByteArray(), read(client));
  }

  private static void anything(ResolverRelay relay, Fd to, byte[] bytes, int piece) {
    for (int at = 0; at < bytes.length; at += piece) {
      to.writeAll(Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + piece)));
      relay.step(0);
    }
  }
}
