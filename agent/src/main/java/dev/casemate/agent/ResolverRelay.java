package dev.casemate.agent;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.InetSocket;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Machine;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Signals;
import dev.casemate.protocol.casemate.RelayedQuery;
import dev.casemate.rpc.PrefixedMessages;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Answers DNS (RFC 1035, section 4.2) at loopback addresses of the guest with what the host says:
 * every question goes to standard output, the answers come by standard input.
 */
final class ResolverRelay {
  private static final int PORT = 53;
  private static final int MESSAGE_LIMIT = PrefixedMessages.DNS_LIMIT;
  private static final int FRAME_LIMIT = MESSAGE_LIMIT + 64;
  private static final int CONNECTIONS_LIMIT = 32;
  private static final int QUESTIONS_LIMIT = 256;
  private static final long PATIENCE_MICROS = 15_000_000;

  private final Fd answered;
  private final Fd asked;
  private final List<Fd> datagrams = new ArrayList<>();
  private final List<Fd> listeners = new ArrayList<>();
  private final List<Connection> connections = new ArrayList<>();
  private final Map<Integer, Question> questions = new LinkedHashMap<>();
  private final PrefixedMessages answers = new PrefixedMessages(FRAME_LIMIT);
  private final Transfer transfer = new Transfer();
  private final byte[] piece = new byte[Transfer.LIMIT];
  private int lastId;

  /** Where an answer goes. */
  private record Question(
      Fd socket, Optional<InetSocket.Peer> peer, Optional<Connection> connection) {}

  /** A TCP connection of a program in the guest. */
  private static final class Connection {
    private final int resolver;
    private final Fd socket;
    private final PrefixedMessages messages = PrefixedMessages.dns();
    private boolean ended;
    private int open;
    private long lastMicros = Machine.monotonicMicros();

    Connection(int resolver, Fd socket) {
      this.resolver = resolver;
      this.socket = socket;
    }
  }

  /** Listens at port 53 of the addresses. */
  ResolverRelay(List<IpAddress> resolvers) {
    this(Fd.STDIN, Fd.STDOUT);
    for (IpAddress resolver : resolvers) {
      datagrams.add(InetSocket.bindDatagram(resolver, PORT));
      listeners.add(InetSocket.listen(resolver, PORT, CONNECTIONS_LIMIT));
      datagrams.getLast().nonBlocking(true);
      listeners.getLast().nonBlocking(true);
    }
  }

  /**
   * Listens nowhere.
   *
   * @param answered where answers come from
   * @param asked where questions go to
   */
  ResolverRelay(Fd answered, Fd asked) {
    this.answered = answered;
    this.asked = asked;
  }

  /** Works until standard input ends. */
  int run() {
    Signals.ignore(Signals.PIPE);
    boolean more = true;
    while (more) {
      more = step(connections.isEmpty() ? -1 : 1000);
    }
    return 0;
  }

  /** Does what can be done, after waiting for it; false once no answers will come. */
  boolean step(int waitMillis) {
    List<Fd> watched = new ArrayList<>(List.of(answered));
    watched.addAll(datagrams);
    watched.addAll(listeners);
    List<Connection> open = List.copyOf(connections);
    for (Connection connection : open) {
      watched.add(connection.socket);
    }
    int[] fds = new int[watched.size()];
    int[] events = new int[watched.size()];
    for (int i = 0; i < fds.length; i++) {
      int connection = i - (fds.length - open.size());
      fds[i] = connection >= 0 && open.get(connection).ended ? -1 : watched.get(i).number();
      events[i] = Poll.IN;
    }
    int[] ready = Poll.await(fds, events, waitMillis);
    if (ready[0] != 0 && !answer()) {
      return false;
    }
    for (int i = 0; i < datagrams.size(); i++) {
      if (ready[1 + i] != 0) {
        askByDatagram(i);
      }
      if (ready[1 + datagrams.size() + i] != 0) {
        accept(i);
      }
    }
    for (int i = 0; i < open.size(); i++) {
      // An answer that it does not take, or the last one, may have closed it just now.
      if (connections.contains(open.get(i))) {
        serve(open.get(i), ready[fds.length - open.size() + i] != 0);
      }
    }
    return true;
  }

  private void ask(int resolver, byte[] message, Question question) {
    if (questions.size() >= QUESTIONS_LIMIT) {
      // A client that asked that long ago has asked again or given up.
      Iterator<Question> oldest = questions.values().iterator();
      oldest.next();
      oldest.remove();
    }
    int id = ++lastId;
    questions.put(id, question);
    asked.writeAll(
        PrefixedMessages.frame(
            RelayedQuery.builder()
                .id(id)
                .resolver(resolver)
                .tcp(question.connection().isPresent())
                .message(message)
                .build()
                .encode()));
  }

  private void askByDatagram(int resolver) {
    Fd socket = datagrams.get(resolver);
    InetSocket.receive(socket, MESSAGE_LIMIT)
        .filter(datagram -> datagram.data().length > 0)
        .ifPresent(
            datagram ->
                ask(
                    resolver,
                    datagram.data(),
                    new Question(socket, Optional.of(datagram.peer()), Optional.empty())));
  }

  private void accept(int resolver) {
    InetSocket.accept(listeners.get(resolver))
        .ifPresent(
            socket -> {
              if (connections.size() >= CONNECTIONS_LIMIT) {
                socket.close();
                return;
              }
              connected(resolver, socket);
            });
  }

  /** A program has connected to one of the addresses. */
  void connected(int resolver, Fd socket) {
    socket.nonBlocking(true);
    connections.add(new Connection(resolver, socket));
  }

  private void serve(Connection connection, boolean readable) {
    try {
      if (readable) {
        int n = transfer.read(connection.socket, piece, 0, piece.length);
        if (n == Fd.END) {
          // It may have asked, and waits for the answer.
          connection.ended = true;
          closeIfDone(connection);
          return;
        }
        connection.lastMicros = Machine.monotonicMicros();
        take(connection, Math.max(0, n));
      } else if (Machine.monotonicMicros() - connection.lastMicros > PATIENCE_MICROS) {
        close(connection);
      }
    } catch (LinuxException e) {
      if (e.errno() == Errno.EPIPE) {
        // Standard output: the host has gone.
        throw e;
      }
      close(connection);
    }
  }

  private void take(Connection connection, int length) {
    for (byte[] message : connection.messages.add(piece, length)) {
      if (message.length > 0) {
        connection.open++;
        ask(
            connection.resolver,
            message,
            new Question(connection.socket, Optional.empty(), Optional.of(connection)));
      }
    }
  }

  private void closeIfDone(Connection connection) {
    if (connection.ended && connection.open == 0) {
      close(connection);
    }
  }

  private void close(Connection connection) {
    connections.remove(connection);
    connection.socket.close();
    questions
        .values()
        .removeIf(question -> question.connection().filter(connection::equals).isPresent());
  }

  /** Passes on what the host has answered; false at the end. */
  private boolean answer() {
    int n = transfer.read(answered, piece, 0, piece.length);
    if (n == Fd.END) {
      return false;
    }
    for (byte[] frame : answers.add(piece, Math.max(0, n))) {
      RelayedQuery answer = RelayedQuery.decode(frame);
      Question question = questions.remove(answer.id());
      if (question != null && answer.message().length <= MESSAGE_LIMIT) {
        tell(question, answer.message());
      }
    }
    return true;
  }

  private void tell(Question question, byte[] message) {
    if (question.peer().isPresent()) {
      InetSocket.send(question.socket(), new InetSocket.Datagram(question.peer().get(), message));
      return;
    }
    byte[] framed = PrefixedMessages.dnsFrame(message);
    Connection connection = question.connection().orElseThrow();
    try {
      for (int done = 0; done < framed.length; ) {
        int n = transfer.write(connection.socket, framed, done, framed.length - done);
        if (n == Fd.WOULD_BLOCK) {
          // It has asked much and reads nothing.
          close(connection);
          return;
        }
        done += n;
      }
      connection.open--;
      closeIfDone(connection);
    } catch (LinuxException e) {
      close(connection);
    }
  }
}
