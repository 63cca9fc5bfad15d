package dev.casemate.rpc;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Offers services over connections that someone else accepts. Each request runs on a thread of its
 * own, so that a Wait that blocks keeps no State waiting; the threads are daemons, come as needed
 * and go when idle.
 */
public final class TtrpcServer implements AutoCloseable {
  /** Requests in flight on one connection, unless said otherwise; see {@link CallQuota}. */
  public static final int DEFAULT_MAX_IN_FLIGHT = CallQuota.OWN + CallQuota.SHARED / 2;

  /** Connections at a time. An engine has one, and each command that runs another. */
  public static final int MAX_CONNECTIONS = 256;

  private static final int STACK_BYTES = 512 << 10;
  private static final int IDLE_SECONDS = 10;

  private final Map<String, RpcService> services = new HashMap<>();
  private final int maxInFlight;
  private final ThreadPoolExecutor workers;
  private final CallQuota quota = new CallQuota(CallQuota.OWN, CallQuota.SHARED);
  private final AtomicInteger threadNumber = new AtomicInteger();
  private final List<ServerConnection> connections = new ArrayList<>();
  private boolean closed;

  /** A server with {@link #DEFAULT_MAX_IN_FLIGHT}. */
  public TtrpcServer(List<? extends RpcService> services) {
    this(services, DEFAULT_MAX_IN_FLIGHT);
  }

  /**
   * A server without connections.
   *
   * @param services what to offer
   * @param maxInFlight requests of one connection that are carried out at a time; more are answered
   *     with RESOURCE_EXHAUSTED
   */
  public TtrpcServer(List<? extends RpcService> services, int maxInFlight) {
    if (maxInFlight < 1) {
      throw new IllegalArgumentException("maxInFlight is " + maxInFlight + "; expected 1 or more");
    }
    for (RpcService service : services) {
      if (this.services.put(service.name(), service) != null) {
        throw new IllegalArgumentException("two services are named " + service.name());
      }
    }
    this.maxInFlight = maxInFlight;
    // As many as the quota allows, and one that writes to each client.
    this.workers =
        new ThreadPoolExecutor(
            0,
            Integer.MAX_VALUE,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            body -> daemon("rpc-worker-" + threadNumber.incrementAndGet(), body));
  }

  /**
   * Serves a connection on the calling thread until the client closes it, sends data that is not
   * ttrpc, does not read its responses, or {@link #close} is called. Closes the channel. Pending
   * requests are completed; their responses are dropped.
   *
   * <p>Above {@link #MAX_CONNECTIONS} connections, the oldest that has not sent a request yet is
   * closed; if all have, the new one is closed immediately. A connection that has sent a request is
   * never closed for being idle: containerd treats a lost connection as a dead shim.
   *
   * @throws MalformedMessageException if the client sent data that is not ttrpc
   * @throws RuntimeException if reading failed
   */
  public void serve(Channel channel) {
    Optional<ServerConnection> connection = open(channel);
    if (connection.isPresent()) {
      serve(connection.get());
    }
  }

  private Optional<ServerConnection> open(Channel channel) {
    ServerConnection connection =
        new ServerConnection(channel, services, workers, maxInFlight, quota);
    Optional<ServerConnection> silent = Optional.empty();
    boolean refused;
    synchronized (connections) {
      if (connections.size() >= MAX_CONNECTIONS) {
        silent = oldestSilent();
        silent.ifPresent(connections::remove);
      }
      refused = closed || connections.size() >= MAX_CONNECTIONS;
      if (!refused) {
        connections.add(connection);
      }
    }
    silent.ifPresent(ServerConnection::close);
    if (refused) {
      channel.close();
      return Optional.empty();
    }
    return Optional.of(connection);
  }

  private Optional<ServerConnection> oldestSilent() {
    for (ServerConnection connection : connections) {
      if (!connection.hasAsked()) {
        return Optional.of(connection);
      }
    }
    return Optional.empty();
  }

  private void serve(ServerConnection connection) {
    try {
      connection.run();
    } finally {
      synchronized (connections) {
        connections.remove(connection);
      }
      connection.close();
    }
  }

  /**
   * Serves a connection on a daemon thread of its own, with the limits of {@link #serve}. Failures
   * end the connection and are not reported.
   */
  public void start(Channel channel) {
    Optional<ServerConnection> connection = open(channel);
    if (connection.isEmpty()) {
      return;
    }
    Thread thread =
        daemon(
            "rpc-connection",
            () -> {
              try {
                serve(connection.get());
              } catch (RuntimeException | OutOfMemoryError e) {
                // The connection is over and its client knows; there is no one else to tell.
              }
            });
    try {
      thread.start();
    } catch (OutOfMemoryError e) {
      // No thread is to be had.
      synchronized (connections) {
        connections.remove(connection.get());
      }
      connection.get().close();
    }
  }

  /**
   * Waits until every received request has been answered, so that the process may exit; false if
   * that takes longer than {@code timeoutMillis}.
   */
  public boolean awaitIdle(int timeoutMillis) {
    long deadline = System.nanoTime() + timeoutMillis * 1_000_000L;
    while (workers.getActiveCount() > 0 || hasUnsent()) {
      if (System.nanoTime() > deadline) {
        return false;
      }
      LockSupport.parkNanos(1_000_000);
    }
    return true;
  }

  private boolean hasUnsent() {
    synchronized (connections) {
      for (ServerConnection connection : connections) {
        if (connection.hasUnsent()) {
          return true;
        }
      }
      return false;
    }
  }

  /** Closes all connections and accepts no more. Does not wait for pending requests. */
  @Override
  public void close() {
    List<ServerConnection> open;
    synchronized (connections) {
      closed = true;
      open = new ArrayList<>(connections);
    }
    for (ServerConnection connection : open) {
      connection.close();
    }
    workers.shutdown();
  }

  private static Thread daemon(String name, Runnable body) {
    Thread thread = new Thread(null, body, name, STACK_BYTES);
    thread.setDaemon(true);
    return thread;
  }
}
