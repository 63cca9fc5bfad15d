package dev.casemate.sandbox;

import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.InetSocket;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Text;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.Spec;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protocol.casemate.GuestService;
import dev.casemate.protocol.casemate.RelayRequest;
import dev.casemate.protocol.casemate.RelayedQuery;
import dev.casemate.rpc.PrefixedMessages;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;

/**
 * Name servers that listen on the loopback interface of the host's network namespace, as Docker's
 * 127.0.0.11 does for networks that a user has made: the guest has a loopback interface of its own,
 * where its agent takes the questions, and here they are asked again.
 *
 * <p>The guest asks what it likes, but never more than a few questions at a time; an answer is
 * passed on as it came.
 */
final class RelayedResolver implements Runnable {
  private static final RelayedQuery NO_MORE = RelayedQuery.builder().build();
  private static final String EXEC_ID = "casemate-resolver";
  private static final int FILE_LIMIT = 64 * 1024;
  private static final int RESOLVERS_LIMIT = 3;
  private static final int PORT = 53;
  private static final int AT_ONCE = 16;
  private static final int PIECE = 32 * 1024;
  private static final int MESSAGE_LIMIT = PrefixedMessages.DNS_LIMIT;
  static final int FRAME_LIMIT = MESSAGE_LIMIT + 64;

  /** A resolver of the C library asks again after five seconds (resolv.conf(5)). */
  private static final int PATIENCE_MILLIS = 5_000;

  private final AgentClient agent;
  private final String containerId;
  private final List<IpAddress> resolvers;
  private final Fd namespace;
  private final Semaphore places = new Semaphore(AT_ONCE);
  private final PrefixedMessages questions = new PrefixedMessages(FRAME_LIMIT);
  private final BlockingQueue<RelayedQuery> answers = new ArrayBlockingQueue<>(2 * AT_ONCE);
  private final Consumer<RelayedResolver> onEnd;
  private volatile boolean ended;
  private volatile boolean mistrusted;

  private RelayedResolver(
      AgentClient agent,
      String containerId,
      List<IpAddress> resolvers,
      Fd namespace,
      Consumer<RelayedResolver> onEnd) {
    this.agent = agent;
    this.containerId = containerId;
    this.resolvers = resolvers;
    this.namespace = namespace;
    this.onEnd = onEnd;
  }

  /**
   * Makes the guest answer for name servers on its loopback interface. It does so as long as the
   * container is there.
   *
   * @param containerId the guest's name of it
   * @param resolvers at least one, on the loopback interface
   * @param onEnd runs on a thread of its own when the relay has ended
   */
  static RelayedResolver start(
      AgentClient agent,
      String containerId,
      List<IpAddress> resolvers,
      String networkNamespace,
      Consumer<RelayedResolver> onEnd) {
    List<String> addresses = new ArrayList<>();
    for (IpAddress resolver : resolvers) {
      addresses.add(resolver.toString());
    }
    Fd namespace = NetworkNamespace.open(networkNamespace);
    try {
      agent.call(
          GuestService.NAME,
          GuestService.START_RELAY,
          RelayRequest.builder()
              .containerId(containerId)
              .execId(EXEC_ID)
              .resolvers(addresses)
              .build(),
          AgentClient.CALL_TIMEOUT_MILLIS);
    } catch (RuntimeException e) {
      namespace.close();
      throw e;
    }
    RelayedResolver resolver = new RelayedResolver(agent, containerId, resolvers, namespace, onEnd);
    Threads.start("resolver", resolver);
    Threads.start("resolver-answers", resolver::tell);
    return resolver;
  }

  /** The name servers that a container's {@code resolv.conf} has on the loopback interface. */
  static List<IpAddress> of(Spec spec) {
    return loopback(resolvConf(spec));
  }

  /** Whether the container is still there whose relay it is. */
  boolean works() {
    return !ended;
  }

  /** Whether it has ended because the guest has sent rubbish. */
  boolean mistrusted() {
    return mistrusted;
  }

  /** The container's {@code resolv.conf} as the engine has it by now; empty if it has none. */
  private static String resolvConf(Spec spec) {
    for (MountSpec mount : spec.mounts()) {
      if (mount.destination().equals("/etc/resolv.conf") && SpecMounts.isBind(mount)) {
        // Not to wait for a writer, should it be a FIFO.
        try {
          return read(mount.source());
        } catch (LinuxException e) {
          return "";
        }
      }
    }
    return "";
  }

  private static String read(String path) {
    Optional<Fd> file = Fs.openRegular(path);
    if (file.isEmpty()) {
      return "";
    }
    try (Fd opened = file.get()) {
      return new String(FileContent.readBytes(opened, path, FILE_LIMIT), StandardCharsets.UTF_8);
    }
  }

  /** The name servers of a {@code resolv.conf} in 127.0.0.0/8 or ::1; the first few. */
  static List<IpAddress> loopback(String resolvConf) {
    List<IpAddress> found = new ArrayList<>();
    for (String line : Text.split(resolvConf, '\n')) {
      if (!line.startsWith("nameserver") || found.size() >= RESOLVERS_LIMIT) {
        continue;
      }
      try {
        IpAddress address = IpAddress.parse(line.substring("nameserver".length()).strip());
        if (address.isLoopback() && !found.contains(address)) {
          found.add(address);
        }
      } catch (IllegalArgumentException e) {
        // Not for us to judge: the C library passes over it.
      }
    }
    return found;
  }

  @Override
  public void run() {
    try {
      while (true) {
        byte[] piece = agent.readStream(false, containerId, EXEC_ID, PIECE);
        if (piece.length == 0) {
          return;
        }
        for (RelayedQuery question : questions(questions, piece, resolvers.size())) {
          // Whoever asks too much loses questions, and asks again. To wait here might be for ever:
          // the guest may not read answers before its questions are read.
          if (places.tryAcquire()) {
            answerLater(question);
          }
        }
      }
    } catch (MalformedMessageException e) {
      // The guest resolves no more.
      mistrusted = true;
    } catch (RuntimeException e) {
      // The container or the VM has gone.
    } finally {
      ended = true;
      answers.offer(NO_MORE);
      Threads.start("resolver-end", () -> onEnd.accept(this));
      places.acquireUninterruptibly(AT_ONCE);
      namespace.close();
    }
  }

  /**
   * The questions that are complete by a piece of the guest's stream. Those to no resolver, and
   * those that no datagram or TCP message holds, are passed over.
   *
   * @throws MalformedMessageException if the stream cannot be taken apart
   */
  static List<RelayedQuery> questions(PrefixedMessages stream, byte[] piece, int resolvers) {
    List<RelayedQuery> questions = new ArrayList<>();
    for (byte[] frame : stream.add(piece, piece.length)) {
      RelayedQuery question = RelayedQuery.decode(frame);
      if (question.resolver() >= 0
          && question.resolver() < resolvers
          && question.message().length <= MESSAGE_LIMIT) {
        questions.add(question);
      }
    }
    return questions;
  }

  private void answerLater(RelayedQuery question) {
    try {
      Threads.start("resolve", () -> ask(question));
    } catch (OutOfMemoryError e) {
      // No thread is to be had: the question is lost, as datagrams are.
      places.release();
    }
  }

  private void ask(RelayedQuery question) {
    try {
      Processes.joinNamespace(namespace, Processes.CLONE_NEWNET);
      IpAddress resolver = resolvers.get(question.resolver());
      Optional<byte[]> answer =
          question.tcp()
              ? askByStream(resolver, question.message())
              : askByDatagram(resolver, question.message());
      if (answer.isPresent()) {
        // One that finds no room is lost, as datagrams are.
        answers.offer(
            RelayedQuery.builder()
                .id(question.id())
                .resolver(question.resolver())
                .tcp(question.tcp())
                .message(answer.get())
                .build());
      }
    } catch (RuntimeException e) {
      // No answer, as from a server that is not there: who has asked has patience of his own.
    } finally {
      places.release();
    }
  }

  /** Writes answers, one at a time. */
  private void tell() {
    try {
      while (!ended) {
        RelayedQuery answer = answers.take();
        if (answer.message().length > 0) {
          agent.writeStdin(containerId, EXEC_ID, PrefixedMessages.frame(answer.encode()));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      // The container or the VM has gone.
    }
  }

  private static Optional<byte[]> askByDatagram(IpAddress resolver, byte[] message) {
    try (Fd socket = InetSocket.connectDatagram(resolver, PORT)) {
      socket.write(message, 0, message.length);
      if (Poll.await(socket, Poll.IN, PATIENCE_MILLIS) == 0) {
        return Optional.empty();
      }
      return InetSocket.receive(socket, MESSAGE_LIMIT).map(InetSocket.Datagram::data);
    }
  }

  private static Optional<byte[]> askByStream(IpAddress resolver, byte[] message) {
    try (Fd socket = InetSocket.connect(resolver, PORT, PATIENCE_MILLIS)) {
      socket.writeAll(PrefixedMessages.dnsFrame(message));
      PrefixedMessages messages = PrefixedMessages.dns();
      byte[] piece = new byte[2 + MESSAGE_LIMIT];
      while (true) {
        if (Poll.await(socket, Poll.IN, PATIENCE_MILLIS) == 0) {
          return Optional.empty();
        }
        int n = socket.read(piece, 0, piece.length);
        if (n == Fd.END) {
          return Optional.empty();
        }
        List<byte[]> whole = messages.add(piece, Math.max(0, n));
        if (!whole.isEmpty()) {
          return Optional.of(whole.getFirst());
        }
      }
    }
  }
}
