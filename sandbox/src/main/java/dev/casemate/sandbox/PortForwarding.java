package dev.casemate.sandbox;

import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.InetPort;
import dev.casemate.linux.InetSocket;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Signals;
import dev.casemate.linux.UnixSocket;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.NfTables;
import dev.casemate.protocol.casemate.GuestService;
import dev.casemate.protocol.casemate.RelayRequest;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Port-forward for a pod: the engine connects to localhost in the pod's network namespace, where
 * nobody listens, for the programs are in the guest. A rule leads such connections to a listener of
 * ours, and each is carried to the same port of the guest's loopback interface.
 *
 * <p>Only what runs in the namespace on the host comes this way, which is the engine: the guest and
 * the network do not.
 *
 * <p>A relay belongs to a container and ends when that is deleted, so it is given to the one that
 * lasts longest: the pause container, where there is one.
 */
final class PortForwarding implements AutoCloseable {
  private static final String TABLE = "casemate-forward";
  private static final IpAddress LOCALHOST = IpAddress.ofV4(0x7f000001);
  private static final int BACKLOG = 64;
  private static final int AT_ONCE = 32;
  private static final int PAUSE_MILLIS = 500;
  private static final int PIECE = 32 * 1024;

  /**
   * A caller that has closed its end looks like one that waits for an answer, until it is asked: a
   * kernel keeps such ends for a minute (tcp_fin_timeout).
   */
  private static final int KEEP_ALIVE_SECONDS = 30;

  /** How long the guest has for the end of a relay whose caller has gone. */
  private static final int END_MILLIS = 10_000;

  private static final int SHUTDOWN_WRITE = 1;
  private static final int SHUTDOWN_BOTH = 2;

  private final String networkNamespace;
  private final AgentClient agent;
  private final Supplier<List<String>> containers;
  private final Consumer<String> warnings;
  private final int keepAliveSeconds;
  private final Fd listener;
  private final Fd stop = EventFd.open();
  private final Semaphore places = new Semaphore(AT_ONCE);
  private final AtomicInteger connections = new AtomicInteger();
  private final Thread acceptor;

  private PortForwarding(
      String networkNamespace,
      AgentClient agent,
      Supplier<List<String>> containers,
      Consumer<String> warnings,
      int keepAliveSeconds,
      Fd listener) {
    this.networkNamespace = networkNamespace;
    this.agent = agent;
    this.containers = containers;
    this.warnings = warnings;
    this.keepAliveSeconds = keepAliveSeconds;
    this.listener = listener;
    this.acceptor = Threads.start("forward", this::accept);
  }

  /**
   * Begins to take connections.
   *
   * @param containers names those that run, the one first that is expected to last longest
   * @param warnings receives a line if it ends before it is closed
   */
  static PortForwarding start(
      String networkNamespace,
      AgentClient agent,
      Supplier<List<String>> containers,
      Consumer<String> warnings) {
    return start(networkNamespace, agent, containers, warnings, KEEP_ALIVE_SECONDS);
  }

  static PortForwarding start(
      String networkNamespace,
      AgentClient agent,
      Supplier<List<String>> containers,
      Consumer<String> warnings,
      int keepAliveSeconds) {
    Fd listener = NetworkNamespace.run(networkNamespace, PortForwarding::listen);
    return new PortForwarding(
        networkNamespace, agent, containers, warnings, keepAliveSeconds, listener);
  }

  private static Fd listen() {
    Fd socket = InetSocket.listen(LOCALHOST, 0, BACKLOG);
    try (NfTables tables = NfTables.open()) {
      socket.nonBlocking(true);
      int port = InetSocket.local(socket).port();
      removeTable(tables);
      tables.apply(
          new NfTables.Batch(TABLE)
              .addTable()
              .addChain("output", "nat", NfTables.HOOK_OUTPUT, NfTables.PRIORITY_DESTINATION_NAT)
              .addRule(
                  "output",
                  rule ->
                      rule.destination(new IpNetwork(LOCALHOST, 32), true)
                          .protocol(InetPort.TCP)
                          .destinationNat(LOCALHOST, port)),
          "port-forward");
      return socket;
    } catch (RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  private static boolean removeTable(NfTables tables) {
    if (tables.hasTable(TABLE)) {
      tables.apply(new NfTables.Batch(TABLE).deleteTable(), "port-forward");
    }
    return true;
  }

  private void accept() {
    try {
      while (true) {
        int[] ready =
            Poll.await(
                new int[] {listener.number(), stop.number()}, new int[] {Poll.IN, Poll.IN}, -1);
        if (ready[1] != 0) {
          return;
        }
        try {
          InetSocket.accept(listener).ifPresent(this::take);
        } catch (LinuxException e) {
          // Too many open files, for one: that passes, and a caller waits meanwhile.
          if (Acceptor.isForGood(e.errno())) {
            throw e;
          }
          if (Poll.await(stop, Poll.IN, PAUSE_MILLIS) != 0) {
            return;
          }
        }
      }
    } catch (LinuxException e) {
      warnings.accept("port-forward to the pod has ended: " + e.getMessage());
    }
  }

  private void take(Fd socket) {
    if (!places.tryAcquire()) {
      refuse(socket);
      return;
    }
    try {
      Threads.start("forwarded", () -> serve(socket));
    } catch (OutOfMemoryError e) {
      // No thread is to be had.
      places.release();
      refuse(socket);
    }
  }

  private static void refuse(Fd socket) {
    try (socket) {
      InetSocket.resetOnClose(socket);
    } catch (LinuxException e) {
      // It has gone by itself.
    }
  }

  private void serve(Fd socket) {
    try {
      carry(socket);
    } catch (RuntimeException e) {
      refuse(socket);
    } finally {
      socket.close();
      places.release();
    }
  }

  private void carry(Fd socket) {
    InetSocket.keepAlive(socket, keepAliveSeconds);
    int port = InetSocket.originalDestination(socket).port();
    String execId = "casemate-forward-" + connections.incrementAndGet();
    Optional<String> owner = startRelay(execId, port);
    if (owner.isEmpty()) {
      refuse(socket);
      return;
    }
    String containerId = owner.get();
    CountDownLatch over = new CountDownLatch(1);
    Thread self = Thread.currentThread();
    Thread in = Threads.start("forward-in", () -> toGuest(socket, containerId, execId));
    Thread watch =
        Threads.start(
            "forward-watch", () -> watch(socket, over, containerId, execId, List.of(self, in)));
    boolean broken = true;
    try {
      fromGuest(socket, containerId, execId);
      UnixSocket.shutdown(socket, SHUTDOWN_WRITE);
      // Once both directions have ended. 1: no program listens, or it broke the connection off.
      broken = agent.waitProcess(containerId, execId) != 0;
    } catch (LinuxException e) {
      // The caller has gone and does not need the rest.
      kill(containerId, execId);
    } finally {
      if (broken) {
        InetSocket.resetOnClose(socket);
      }
      over.countDown();
      // Closing alone would not wake the threads that look at it.
      UnixSocket.shutdown(socket, SHUTDOWN_BOTH);
      join(watch);
      // It may have been interrupted to get here.
      Thread.interrupted();
      join(in);
    }
  }

  /** Starts a relay in the first container that is not just being deleted; empty if all are. */
  private Optional<String> startRelay(String execId, int port) {
    for (String containerId : containers.get()) {
      try {
        agent.call(
            GuestService.NAME,
            GuestService.START_RELAY,
            RelayRequest.builder().containerId(containerId).execId(execId).port(port).build(),
            AgentClient.CALL_TIMEOUT_MILLIS);
        return Optional.of(containerId);
      } catch (RpcException e) {
        if (e.status() != RpcStatus.NOT_FOUND && e.status() != RpcStatus.FAILED_PRECONDITION) {
          throw e;
        }
      }
    }
    return Optional.empty();
  }

  /**
   * Ends a relay whose caller has gone, whatever the guest does: it may read nothing and say
   * nothing, so that no thread that carries bytes would notice.
   */
  private void watch(
      Fd socket, CountDownLatch over, String containerId, String execId, List<Thread> carriers) {
    try {
      // Both directions may have ended and bytes still be on their way: that is no error.
      while ((Poll.await(socket, 0, -1) & Poll.ERR) == 0) {
        if (over.await(PAUSE_MILLIS, TimeUnit.MILLISECONDS)) {
          return;
        }
      }
      kill(containerId, execId);
      if (!over.await(END_MILLIS, TimeUnit.MILLISECONDS)) {
        carriers.forEach(Thread::interrupt);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void toGuest(Fd socket, String containerId, String execId) {
    byte[] piece = new byte[PIECE];
    try {
      while (true) {
        int n = socket.read(piece, 0, piece.length);
        if (n == Fd.END) {
          agent.closeStdin(containerId, execId);
          return;
        }
        agent.writeStdin(containerId, execId, java.util.Arrays.copyOf(piece, n));
      }
    } catch (LinuxException e) {
      kill(containerId, execId);
    } catch (RuntimeException e) {
      // The relay or the VM has ended: the other direction tells.
    }
  }

  private void fromGuest(Fd socket, String containerId, String execId) {
    while (true) {
      byte[] piece = agent.readStream(false, containerId, execId, PIECE);
      if (piece.length == 0) {
        return;
      }
      socket.writeAll(piece);
    }
  }

  private void kill(String containerId, String execId) {
    try {
      agent.signal(containerId, execId, Signals.KILL, AgentClient.CALL_TIMEOUT_MILLIS);
    } catch (RpcException e) {
      // It has ended meanwhile.
    }
  }

  /** Takes the rule away, if the namespace is still there; connections end with the guest. */
  @Override
  public void close() {
    EventFd.signal(stop);
    join(acceptor);
    listener.close();
    stop.close();
    try {
      NetworkNamespace.run(
          networkNamespace,
          () -> {
            try (NfTables tables = NfTables.open()) {
              return removeTable(tables);
            }
          });
    } catch (LinuxException e) {
      // The namespace's owner has removed it, and the rule with it.
    }
  }
}
