package dev.casemate.sandbox;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protocol.casemate.RelayedQuery;
import dev.casemate.rpc.PrefixedMessages;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * DNS on its way from a program in the guest to a name server and back: over TCP, and in the
 * relay's frames, cut to pieces anywhere.
 */
@Fuzzes({PrefixedMessages.class, RelayedResolver.class})
public final class DnsFuzz {
  private DnsFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Input input = new Input(data);
    int piece = 1 + input.next() % 64;
    int resolvers = input.next() % 4;
    byte[] rest = input.rest();
    List<byte[]> messages = stream(rest, piece);
    relayed(messages, piece, resolvers);
    hostile(rest, piece, resolvers);
  }

  /** What a program, or a name server, writes to a TCP connection. */
  private static List<byte[]> stream(byte[] bytes, int piece) {
    List<byte[]> found = new ArrayList<>();
    PrefixedMessages messages = PrefixedMessages.dns();
    for (byte[] part : cut(bytes, piece)) {
      found.addAll(messages.add(part, part.length));
    }
    ByteArrayOutputStream again = new ByteArrayOutputStream();
    for (byte[] message : found) {
      again.writeBytes(PrefixedMessages.dnsFrame(message));
    }
    byte[] whole = again.toByteArray();
    Expect.that(whole.length <= bytes.length, "more than came: ", whole.length);
    Expect.same(whole, Arrays.copyOf(bytes, whole.length));
    int left = bytes.length - whole.length;
    Expect.that(
        left < 2
            || left - 2 < ((bytes[whole.length] & 0xff) << 8 | (bytes[whole.length + 1] & 0xff)),
        "a message that was held back, of ",
        left);
    return found;
  }

  /** Those that the guest's agent passes on reach the resolver that they are for. */
  private static void relayed(List<byte[]> messages, int piece, int resolvers) {
    ByteArrayOutputStream stream = new ByteArrayOutputStream();
    List<RelayedQuery> expected = new ArrayList<>();
    int id = 0;
    for (byte[] message : messages) {
      RelayedQuery query =
          RelayedQuery.builder()
              .id(++id)
              .resolver(message.length % 5 - 1)
              .tcp(message.length % 2 == 0)
              .message(message)
              .build();
      stream.writeBytes(PrefixedMessages.frame(query.encode()));
      if (query.resolver() >= 0 && query.resolver() < resolvers) {
        expected.add(query);
      }
    }
    List<RelayedQuery> found = new ArrayList<>();
    PrefixedMessages frames = new PrefixedMessages(RelayedResolver.FRAME_LIMIT);
    for (byte[] part : cut(stream.toByteArray(), piece)) {
      found.addAll(RelayedResolver.questions(frames, part, resolvers));
    }
    Expect.same(expected.size(), found.size());
    for (int i = 0; i < found.size(); i++) {
      Expect.same(expected.get(i).id(), found.get(i).id());
      Expect.same(expected.get(i).message(), found.get(i).message());
    }
  }

  /** An agent that sends anything. */
  private static void hostile(byte[] bytes, int piece, int resolvers) {
    PrefixedMessages frames = new PrefixedMessages(RelayedResolver.FRAME_LIMIT);
    for (byte[] part : cut(bytes, piece)) {
      try {
        for (RelayedQuery question : RelayedResolver.questions(frames, part, resolvers)) {
          Expect.that(
              question.resolver() >= 0 && question.resolver() < resolvers,
              "resolver ",
              question.resolver());
          // Throws for one that no name server could be asked.
          PrefixedMessages.dnsFrame(question.message());
        }
      } catch (MalformedMessageException e) {
        // The relay ends.
        return;
      }
    }
  }

  private static List<byte[]> cut(byte[] bytes, int piece) {
    List<byte[]> parts = new ArrayList<>();
    for (int at = 0; at < bytes.length; at += piece) {
      parts.add(Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + piece)));
    }
    return parts;
  }
}
